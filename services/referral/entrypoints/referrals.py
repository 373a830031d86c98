"""`/v1/referrals`: lists, and the whole story of one."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.contracts.authority import OPERATORS, Visibility
from services.contracts.vocabulary import ReferralState, Role
from services.kit.audit import note
from services.kit.audit_api import AuditEntry, Position
from services.kit.http.auditing import audited
from services.kit.http.auth import Principal, Require
from services.kit.http.pages import Page, Text, read_cursor, write_cursor
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.referral.adapters.sql_views import ReferralFilter
from services.referral.bootstrap import ReferralService
from services.referral.entrypoints.filters import Mine, Overdue, actors_of, check_ids, referral_filter
from services.referral.entrypoints.referral_schemas import ReferralStory, ReferralSummary, StateCount, listed, told
from services.referral.handlers.act import actions_of

router = guarded_router("/v1/referrals", tags=["referrals"])
_readers = Require(Role.POLYCLINIC, Role.CENTER, *OPERATORS)
READERS = Depends(_readers)


async def service_of(request: Request) -> ReferralService:
    """Async, because FastAPI runs plain functions in a thread."""
    service: ReferralService = request.app.state.service
    return service


Service = Annotated[ReferralService, Depends(service_of)]
Reader = Annotated[Principal, Depends(_readers)]
Keeper = Annotated[Principal, Depends(Require(Role.POLYCLINIC, *OPERATORS))]
"""Tells a family who looked: the polyclinic whose referral it is, and operators."""


def not_found(referral_id: UUID) -> Problem:
    return Problem(404, "referral_not_found", f"There is no referral {referral_id} that you may see.")


def last_seen(cursor: str | None) -> str | None:
    """The id in a list's cursor; raises Problem 422."""
    return read_cursor(cursor, tuple[Text])[0] if cursor else None


@router.get("", response_model=Page[ReferralSummary])
async def list_referrals(
    service: Service,
    reader: Reader,
    wanted: Annotated[ReferralFilter, Depends(referral_filter)],
    mine: Mine = False,
    overdue: Overdue = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The referrals that the caller may see, the newest first; a center its own part of those it has no longer.

    With any filter but `polyclinic_id` it finds those that it has, and the completed.
    """
    visibility = Visibility.of(reader)
    await check_ids(service, visibility, **wanted.ids)
    now = service.clock() if overdue else None
    wanted = replace(wanted, actors=actors_of(service, reader, mine), overdue_at=now)
    rows = await service.reading.views.referrals(visibility, wanted, last_seen(cursor), limit + 1)
    more = write_cursor(rows[limit - 1]["id"]) if len(rows) > limit else None
    note({"count": min(len(rows), limit)})
    return listed(rows[:limit], more)


@router.get("/counts")
@audited(never=True)  # of nobody
async def count_referrals(service: Service, reader: Keeper, mine: Mine = False) -> list[StateCount]:
    """How many referrals are in each state, and how many are overdue: a polyclinic's own, or for operators all."""
    own = None if reader.has(*OPERATORS) else reader.org
    found = await service.reading.views.counts(own, service.clock(), actors_of(service, reader, mine))
    return [
        StateCount(state=state, count=count, overdue=late)
        for state in ReferralState
        for count, late in [found.get(state, (0, 0))]
    ]


@router.get("/{referral_id}", response_model=ReferralStory)
async def read_referral(referral_id: UUID, service: Service, reader: Reader) -> Response:
    """The whole story: offers, history, and why this center. A center gets the part of its own attempts; when it has
    the child no longer, nothing else but how they ended.
    """
    visibility = Visibility.of(reader)
    story = await service.reading.views.story(str(referral_id), visibility)
    if story is None:
        raise not_found(referral_id)
    row = story.referral
    note(child_id=story.child_id)
    if row.child_id is None:
        return told(story, [], visibility)
    allowed = [one.path for one in actions_of(reader, ReferralState(row.state), row.center_id, row.polyclinic_id)]
    if row.state != ReferralState.WAITING:
        return told(story, allowed, visibility)
    return told(story, allowed, visibility, await service.forecast_for(reader).referral(referral_id))


@router.get("/{referral_id}/audit-log")
async def list_referral_audit_log(
    referral_id: UUID,
    service: Service,
    reader: Keeper,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[AuditEntry]:
    """Who looked at a referral here, and who acted, in order: for the family.

    A polyclinic sees persons and addresses of its own only; the rest by their organization.
    """
    visibility = Visibility.of(reader)
    story = await service.reading.views.story(str(referral_id), visibility)
    if story is None or not visibility.wholly(story.referral.polyclinic_id):
        raise not_found(referral_id)
    note(child_id=story.child_id)
    after = read_cursor(cursor, tuple[Position])[0] if cursor else 0
    rows = await service.audit_trail.entries(str(referral_id), after, limit + 1)
    more = write_cursor(rows[limit - 1]["sequence"]) if len(rows) > limit else None
    seen = [AuditEntry.of(row).as_seen(reader.org, everything=visibility.everything) for row in rows[:limit]]
    return Page(items=seen, next=more)
