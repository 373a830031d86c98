"""`/v1/audit`: the record held against capacity, and mended."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from services.contracts.claims import DataVersion
from services.contracts.vocabulary import Role
from services.kit.http.auth import require
from services.referral.domain.audit import Kind
from services.referral.entrypoints.referrals import Service
from services.referral.handlers.hold_audit import Report

router = APIRouter(prefix="/v1/audit", tags=["audit"], dependencies=[Depends(require(Role.OPERATOR, Role.ADMIN))])


class DifferenceView(BaseModel):
    """What the record says and what capacity says; null where one says nothing."""

    kind: Kind
    programme_id: str | None
    referral_id: UUID | None
    record: dict[str, Any] | None
    capacity: dict[str, Any] | None


class AuditView(BaseModel):
    """Programmes and claims compared at capacity's mark. No difference: every place is accounted for."""

    mark: DataVersion
    programmes: int
    referrals: int = Field(description="Open referrals in the record")
    claims: int = Field(description="Places and turns in capacity")
    differences: list[DifferenceView]
    unsettled: int = Field(description="Differences that may still be on their way, and are not counted")


class RepairView(BaseModel):
    """What was changed, towards the record: `changed` names what differed before. Empty: nothing was done."""

    changed: list[DifferenceView]
    epoch: str | None = Field(description="Of the new generation of capacity's data; null when nothing was done")
    handed_over: int = Field(description="Places that went to somebody who waits")
    audit: AuditView


def view(report: Report) -> AuditView:
    return AuditView(
        mark=report.mark,
        programmes=report.programmes,
        referrals=report.referrals,
        claims=report.claims,
        differences=_differences(report),
        unsettled=report.unsettled,
    )


def _differences(report: Report) -> list[DifferenceView]:
    return [DifferenceView.model_validate(one, from_attributes=True) for one in report.differences]


@router.get("")
async def audit(service: Service) -> AuditView:
    """Compare capacity with the record while traffic flows. It takes seconds when something may be on its way."""
    return view(await service.audit())


@router.post("/repair")
async def repair(service: Service) -> RepairView:
    """Make capacity what the record says when the two differ: a new generation. New claims wait a moment meanwhile."""
    mended = await service.mend()
    return RepairView(
        changed=_differences(mended.before) if mended.opened else [],
        epoch=mended.opened.mark.epoch if mended.opened else None,
        handed_over=mended.opened.handed_over if mended.opened else 0,
        audit=view(mended.after),
    )
