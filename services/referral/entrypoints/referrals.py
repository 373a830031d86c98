"""`/v1/referrals`: lists, and the whole story of one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.contracts.vocabulary import ReferralState, Role
from services.kit.http.auth import Principal, require
from services.kit.http.pages import Page, read_cursor, write_cursor
from services.kit.http.problems import Problem
from services.referral.adapters.sql_views import Scope
from services.referral.bootstrap import ReferralService
from services.referral.domain.life import allowed_actions
from services.referral.entrypoints.referral_shapes import ReferralStory, ReferralSummary, story_of, summary
from services.referral.entrypoints.words import Word
from services.referral.handlers.act import Caller

router = APIRouter(prefix="/v1/referrals", tags=["referrals"])
READERS = require(Role.POLYCLINIC, Role.CENTER, Role.OPERATOR, Role.ADMIN, Role.SERVICE)
SEES_ALL = (Role.OPERATOR, Role.ADMIN, Role.SERVICE)
ACTOR_LENGTH = 120
"""Characters of an actor that the history keeps."""


def service_of(request: Request) -> ReferralService:
    service: ReferralService = request.app.state.service
    return service


Service = Annotated[ReferralService, Depends(service_of)]
Reader = Annotated[Principal, Depends(READERS)]


def scope_of(principal: Principal) -> Scope:
    """What this principal may see: a polyclinic its own, a center what was offered to it, an operator all."""
    if principal.has(*SEES_ALL):
        return Scope()
    if principal.has(Role.CENTER):
        return Scope(center_id=principal.org)
    return Scope(polyclinic_id=principal.org)


def caller_of(principal: Principal) -> Caller:
    return Caller(principal.actor[:ACTOR_LENGTH], principal.roles, principal.org or None)


def not_found(referral_id: UUID) -> Problem:
    return Problem(404, "referral_not_found", f"There is no referral {referral_id} that you may see.")


def last_seen(cursor: str | None) -> str | None:
    """The id in a list's cursor; raises Problem 422."""
    if not cursor:
        return None
    match read_cursor(cursor):
        case [str(id)] if id.isprintable():
            return id
    raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list")


@router.get("")
async def list_referrals(
    service: Service,
    reader: Reader,
    status: ReferralState | None = None,
    center_id: Word | None = None,
    polyclinic_id: Word | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Page[ReferralSummary]:
    """The referrals that the caller may see, the newest first; for a center, what another one has is without place."""
    filters = {"state": status, "center_id": center_id, "polyclinic_id": polyclinic_id}
    after = last_seen(cursor)
    rows = await service.views.referrals(
        scope_of(reader), {name: value for name, value in filters.items() if value}, after, limit + 1
    )
    more = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=[summary(row) for row in rows[:limit]], next=more)


@router.get("/{referral_id}")
async def read_referral(referral_id: UUID, service: Service, reader: Reader, response: Response) -> ReferralStory:
    """The whole story: offers, history, and why this center. A center gets the part of its own attempts."""
    story = await service.views.story(str(referral_id), scope_of(reader))
    if story is None:
        raise not_found(referral_id)
    row = story.referral
    roles = caller_of(reader).over(row.center_id, row.polyclinic_id)
    response.headers["ETag"] = f'"{row.version}"'
    allowed = [one.path for one in allowed_actions(ReferralState(row.state), roles)]
    if row.state != ReferralState.WAITING:
        return story_of(story, allowed)
    return story_of(story, allowed, await service.foresee.referral(referral_id, scope_of(reader).center_id))
