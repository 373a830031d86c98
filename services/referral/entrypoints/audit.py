"""`/v1/audit`: reconciliation of capacity with the record, and its repair."""

from typing import Any
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, Field

from services.contracts.authority import OPERATORS
from services.contracts.claims import DataVersion
from services.kit.http.auth import Require
from services.kit.http.routes import guarded_router
from services.referral.domain.reconciliation import Kind
from services.referral.entrypoints.referrals import Service

router = guarded_router("/v1/audit", tags=["audit"], dependencies=[Depends(Require(*OPERATORS))])


class DifferenceView(BaseModel, from_attributes=True):
    """One referral or programme, as it is in the record and in capacity; null where it is not."""

    kind: Kind
    programme_id: str | None
    referral_id: UUID | None
    record: dict[str, Any] | None
    capacity: dict[str, Any] | None


class AuditView(BaseModel, from_attributes=True):
    """The comparison at this data version. No difference: every place is accounted for."""

    data_version: DataVersion
    programmes: int
    referrals: int = Field(description="Open referrals in the record")
    claims: int = Field(description="Places and queue entries in capacity")
    differences: list[DifferenceView]
    unsettled: int = Field(description="Differences that may still be on their way, and are not counted")


class RepairView(BaseModel):
    """`changed` names the differences that were repaired towards the record. Empty: nothing was done."""

    changed: list[DifferenceView]
    epoch: str | None = Field(description="Of the new generation of capacity's data; null when nothing was done")
    handed_over: int = Field(description="Places that went to waiting children")
    audit: AuditView


@router.get("")
async def audit(service: Service) -> AuditView:
    """Compare capacity with the record while traffic flows. It takes seconds when something may be on its way."""
    return AuditView.model_validate(await service.reconcile())


@router.post("/repair")
async def repair(service: Service) -> RepairView:
    """Rebuild capacity from the record when the two differ. New claims wait a moment meanwhile."""
    done = await service.repair()
    return RepairView(
        changed=AuditView.model_validate(done.before).differences if done.opened else [],
        epoch=done.opened.data_version.epoch if done.opened else None,
        handed_over=done.opened.handed_over if done.opened else 0,
        audit=AuditView.model_validate(done.after),
    )
