"""`/v1/worklists/…`: referrals that wait for a center, a polyclinic or an operator, the most urgent first."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Response
from pydantic import BaseModel

from services.contracts.authority import OPERATORS
from services.contracts.vocabulary import Role
from services.kit.audit import note
from services.kit.http.auditing import audited
from services.kit.http.auth import Principal, Require
from services.kit.http.pages import Page, read_cursor, write_cursor
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.referral.adapters.sql_worklists import Listed, Position, Worklist
from services.referral.domain.referral import Escalation
from services.referral.entrypoints.field_types import Word
from services.referral.entrypoints.filters import Mine, actors_of, check_ids, check_own
from services.referral.entrypoints.referral_schemas import ReferralSummary, listed
from services.referral.entrypoints.referrals import Service

router = guarded_router("/v1/worklists", tags=["worklists"])
Reader = Annotated[Principal, Depends(Require(Role.CENTER, Role.POLYCLINIC, *OPERATORS))]
_OWNERS = {
    Worklist.TO_ANSWER: Role.CENTER,
    Worklist.TO_ADMIT: Role.CENTER,
    Worklist.IN_CARE: Role.CENTER,
    Worklist.TO_OFFER_AGAIN: Role.POLYCLINIC,
}
"""Whose lists these are; the others are the operators'."""
TOTAL = "X-Total-Count"
"""The header that counts the whole list, not only the page."""


async def _position(cursor: str | None = None) -> Position | None:
    if not cursor:
        return None
    try:
        match read_cursor(cursor, list[Any]):
            case [str(moment), str(id)] if id.isprintable():
                return datetime.fromisoformat(moment).astimezone(UTC), id
    except (ValueError, OverflowError):
        pass
    raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list")


After = Annotated[Position | None, Depends(_position)]


def _page(found: Listed) -> Response:
    note({"count": len(found.rows)})
    more = write_cursor(found.next[0].isoformat(), found.next[1]) if found.next else None
    return listed(found.rows, more, {TOTAL: str(found.total)})


class ReasonCount(BaseModel):
    """How many referrals need an operator for a reason."""

    reason: Escalation
    count: int


@router.get("/escalated/counts")
@audited(never=True)  # of nobody
async def count_escalated(service: Service, _: Annotated[Principal, Depends(Require(*OPERATORS))]) -> list[ReasonCount]:
    """How many referrals are escalated, by reason: every reason, also those with none."""
    found = await service.reading.worklists.escalated()
    return [ReasonCount(reason=reason, count=found.get(reason, 0)) for reason in Escalation]


@router.get("/{name}", response_model=Page[ReferralSummary])
async def list_worklist(
    name: Worklist,
    service: Service,
    reader: Reader,
    after: After,
    center_id: Annotated[Word | None, Query(description="For operators: one center's list")] = None,
    polyclinic_id: Annotated[Word | None, Query(description="For operators: one polyclinic's list")] = None,
    reason: Annotated[Escalation | None, Query(description="Those escalated for this reason only")] = None,
    mine: Mine = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """A center's offers to answer, children to admit and in care; a polyclinic's children who did not come; and the
    escalated, which are the operators'. By deadline, the escalated by the time of their escalation.
    """
    owner = _OWNERS.get(name)
    if not reader.has(*OPERATORS):
        if owner is None or not reader.has(owner):
            raise Problem(403, "forbidden", f"The list {name} is {f'a {owner}' if owner else 'the operators'}'s.")
        own_center, own_polyclinic = (reader.org if owner is role else None for role in (Role.CENTER, Role.POLYCLINIC))
        check_own(center_id=(center_id, own_center), polyclinic_id=(polyclinic_id, own_polyclinic))
        center_id, polyclinic_id = own_center, own_polyclinic
    else:
        await check_ids(service, center_id=center_id, polyclinic_id=polyclinic_id)
    filters = {"center_id": center_id, "polyclinic_id": polyclinic_id, "escalation": reason}
    actors = actors_of(service, reader, mine)
    return _page(await service.reading.worklists.page(name, after, limit, filters, actors))
