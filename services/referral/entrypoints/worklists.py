"""`/v1/worklists/…`: what waits for a center, a polyclinic or an operator, the most urgent first."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from services.contracts.vocabulary import Role
from services.kit.http.auth import Principal, require
from services.kit.http.pages import Page, read_cursor, write_cursor
from services.kit.http.problems import Problem
from services.referral.adapters.sql_views import Scope
from services.referral.adapters.sql_worklists import Position, Worklist
from services.referral.domain.referral import Escalation
from services.referral.entrypoints.referral_shapes import ReferralSummary, summary
from services.referral.entrypoints.referrals import Service
from services.referral.entrypoints.words import Word

router = APIRouter(prefix="/v1/worklists", tags=["worklists"])
Centers = Annotated[Principal, Depends(require(Role.CENTER, Role.OPERATOR, Role.ADMIN))]
Polyclinics = Annotated[Principal, Depends(require(Role.POLYCLINIC, Role.OPERATOR, Role.ADMIN))]
Operators = Annotated[Principal, Depends(require(Role.OPERATOR, Role.ADMIN))]
Limit = Annotated[int, Query(ge=1, le=500)]
TOTAL = "X-Total-Count"
"""The header that counts the whole list, not only the page."""


class CenterList(StrEnum):
    TO_ANSWER = "to-answer"
    TO_ADMIT = "to-admit"
    IN_CARE = "in-care"


def _position(cursor: str | None) -> Position | None:
    if not cursor:
        return None
    try:
        match read_cursor(cursor, 2):
            case [str(moment), str(id)] if id.isprintable():
                return datetime.fromisoformat(moment).astimezone(UTC), id
    except (ValueError, OverflowError):
        pass
    raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list")


async def _page(
    worklist: Worklist,
    service: Service,
    response: Response,
    scope: Scope,
    cursor: str | None,
    limit: int,
    reason: str | None = None,
) -> Page[ReferralSummary]:
    found = await service.worklists.page(worklist, scope, _position(cursor), limit, reason)
    response.headers[TOTAL] = str(found.total)
    more = write_cursor(found.next[0].isoformat(), found.next[1]) if found.next else None
    return Page(items=[summary(row) for row in found.rows], next=more)


@router.get("/escalated")
async def list_escalated(
    service: Service,
    _: Operators,
    response: Response,
    reason: Annotated[Escalation | None, Query(description="Those of one reason only")] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Page[ReferralSummary]:
    """What needs an operator: unplaceable, waiting for long, failed too often, past a deadline. The longest first."""
    return await _page(Worklist.ESCALATED, service, response, Scope(), cursor, limit, reason)


@router.get("/to-offer-again")
async def list_to_offer_again(
    service: Service,
    reader: Polyclinics,
    response: Response,
    polyclinic_id: Annotated[Word | None, Query(description="For operators: one polyclinic's list")] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Page[ReferralSummary]:
    """A polyclinic's own: children who did not come to the center. By deadline, the nearest first."""
    own = None if reader.has(Role.OPERATOR, Role.ADMIN) else reader.org
    scope = Scope(polyclinic_id=own if own is not None else polyclinic_id)
    return await _page(Worklist.TO_OFFER_AGAIN, service, response, scope, cursor, limit)


@router.get("/{name}")
async def list_for_center(
    name: CenterList,
    service: Service,
    reader: Centers,
    response: Response,
    center_id: Annotated[Word | None, Query(description="For operators: one center's list")] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Page[ReferralSummary]:
    """A center's own: offers to answer, children to admit, children in care. By deadline, the nearest first."""
    own = None if reader.has(Role.OPERATOR, Role.ADMIN) else reader.org
    scope = Scope(center_id=own if own is not None else center_id)
    return await _page(Worklist(name.value), service, response, scope, cursor, limit)
