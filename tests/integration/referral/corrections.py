"""Corrections and joins of the small country's children, as events of intake."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.contracts.events import ChildrenJoinedV1, DiagnosisCorrectedV1
from tests.integration.referral.country import Country
from tests.unit.referral.samples import NOW, diagnosis, event


def correction(number: int, version: int = 2, *fields: str, **changes: Any) -> DiagnosisCorrectedV1:
    """Child `number` with these changes of what was submitted."""
    named = fields or tuple(changes) or ("guardian.phone",)
    return DiagnosisCorrectedV1(
        **dict(diagnosis(number, **changes)), version=version, corrected=named,
        corrected_at=NOW + timedelta(hours=version), actor="polyclinic:p1",
    )  # fmt: skip


async def corrected(country: Country, number: int, version: int = 2, *fields: str, **changes: Any) -> None:
    await country.handle([event(correction(number, version, *fields, **changes))])
    await country.deliver()


def joined(kept: int, ended: int) -> ChildrenJoinedV1:
    return ChildrenJoinedV1(
        referral_id=UUID(int=kept), ended_referral_id=UUID(int=ended), child_id=UUID(int=kept + 1000),
        joined_child_id=UUID(int=ended + 1000), joined_at=NOW + timedelta(hours=3), actor="polyclinic:p1",
    )  # fmt: skip
