"""`/v1/referrals`: lists, the whole story of one, and a center's answers."""

import re
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from services.contracts.vocabulary import ReferralState, Role
from services.kit.auth import Principal, require
from services.kit.pages import Page, read_cursor, write_cursor
from services.kit.problems import Problem
from services.referral.adapters.sql_views import Scope
from services.referral.bootstrap import ReferralService
from services.referral.domain.life import Command, IllegalTransition, allowed_actions
from services.referral.entrypoints.shapes import Answer, ReferralStory, ReferralSummary, Word, story_of, summary
from services.referral.handlers.answer_offer import Caller, UnknownReferral, VersionMoved

router = APIRouter(prefix="/v1/referrals", tags=["referrals"])
READERS = require(Role.POLYCLINIC, Role.CENTER, Role.OPERATOR, Role.ADMIN, Role.SERVICE)
ANSWERERS = require(Role.CENTER, Role.ADMIN)
SEES_ALL = (Role.OPERATOR, Role.ADMIN, Role.SERVICE)
ACTOR_LENGTH = 120
"""Characters of an actor that the history keeps."""
_ETAG = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')


def service_of(request: Request) -> ReferralService:
    service: ReferralService = request.app.state.service
    return service


Service = Annotated[ReferralService, Depends(service_of)]
Reader = Annotated[Principal, Depends(READERS)]
Answerer = Annotated[Principal, Depends(ANSWERERS)]


def scope_of(principal: Principal) -> Scope:
    """What this principal may see: a polyclinic its own, a center what was offered to it, an operator all."""
    if principal.has(*SEES_ALL):
        return Scope()
    if principal.has(Role.CENTER):
        return Scope(center_id=principal.org)
    return Scope(polyclinic_id=principal.org)


def _not_found(referral_id: UUID) -> Problem:
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
    """The referrals that the caller may see, the newest first."""
    filters = {"state": status, "center_id": center_id, "polyclinic_id": polyclinic_id}
    after = last_seen(cursor)
    rows = await service.views.referrals(
        scope_of(reader), {name: value for name, value in filters.items() if value}, after, limit + 1
    )
    more = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=[summary(row) for row in rows[:limit]], next=more)


@router.get("/{referral_id}")
async def read_referral(referral_id: UUID, service: Service, reader: Reader, response: Response) -> ReferralStory:
    """The whole story: offers, history, and why this center."""
    story = await service.views.story(str(referral_id), scope_of(reader))
    if story is None:
        raise _not_found(referral_id)
    mine = not reader.has(Role.CENTER) or story.referral.center_id == reader.org
    allowed = allowed_actions(ReferralState(story.referral.state), reader.roles) if mine else ()
    response.headers["ETag"] = f'"{story.referral.version}"'
    return story_of(story, list(allowed))


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    tag = _ETAG.fullmatch(if_match.strip())
    if tag is None:
        raise Problem.of_field("If-Match", "invalid_etag", "must be an ETag of this referral")
    return int(tag[1])


def _checked(command: Command, answer: Answer, reasons: frozenset[str]) -> None:
    if command is not Command.DECLINE:
        if answer.reason is not None:
            raise Problem.of_field("reason", "unexpected_reason", "only a decline has a coded reason")
        return
    if answer.reason not in reasons:
        raise Problem.of_field("reason", "unknown_reason", f"must be one of {', '.join(sorted(reasons))}")


async def _run(
    command: Command,
    referral_id: UUID,
    service: ReferralService,
    principal: Principal,
    answer: Answer,
    match: str | None,
) -> None:
    center_id = None if principal.has(Role.ADMIN) else principal.org
    caller = Caller(principal.actor[:ACTOR_LENGTH], principal.roles, center_id)
    _checked(command, answer, service.decline_reasons)
    try:
        await service.answer_offer(
            referral_id, command, caller, reason=answer.reason, note=answer.note, version=_version(match)
        )
    except UnknownReferral:
        raise _not_found(referral_id) from None
    except VersionMoved:
        raise Problem(412, "version_moved", "The referral has changed since you read it; read it again.") from None
    except IllegalTransition as error:
        allowed = {"state": error.state, "allowed_actions": list(error.allowed)}
        raise Problem(409, "illegal_transition", str(error), extra=allowed) from None


def _command(command: Command, summary_text: str) -> Callable[..., Any]:
    async def endpoint(
        referral_id: UUID,
        service: Service,
        principal: Answerer,
        response: Response,
        answer: Annotated[Answer, Body()] = Answer(),
        if_match: Annotated[str | None, Header()] = None,
    ) -> ReferralStory:
        await _run(command, referral_id, service, principal, answer, if_match)
        return await read_referral(referral_id, service, principal, response)

    endpoint.__doc__, endpoint.__name__ = summary_text, f"{command}_referral"
    return endpoint


for _each, _text in {
    Command.SEEN: "The center has seen the offer.",
    Command.ACCEPT: "The center takes the child.",
    Command.DECLINE: "The center cannot take the child: it goes on to the next nearest by itself.",
}.items():
    router.add_api_route(f"/{{referral_id}}/{_each}", _command(_each, _text), methods=["POST"])
