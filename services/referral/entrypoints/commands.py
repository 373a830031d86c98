"""`POST /v1/referrals/{id}/…`: what a center, a polyclinic or an operator does to a referral."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Response

from services.kit.http.auth import Principal, require
from services.kit.http.problems import Problem
from services.referral.bootstrap import ReferralService
from services.referral.domain.days import day_of
from services.referral.domain.life import TRANSITIONS, Command, IllegalTransition
from services.referral.entrypoints.command_shapes import Acceptance, Discharge, Reasoned, Remark
from services.referral.entrypoints.referral_shapes import ReferralStory
from services.referral.entrypoints.referrals import Service, caller_of, not_found, read_referral
from services.referral.handlers.act import Details, UnknownReferral, VersionMoved

router = APIRouter(prefix="/v1/referrals", tags=["referrals"])
ADMIT_AHEAD = timedelta(days=365)
_ETAG = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')
_CODED = {Command.DECLINE: "decline", Command.NO_SHOW: "no_show", Command.CANCEL: "cancel"}
"""The commands that need a reason, and of which kind."""
IfMatch = Annotated[str | None, Header()]


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    tag = _ETAG.fullmatch(if_match.strip())
    if tag is None:
        raise Problem.of_field("If-Match", "invalid_etag", "must be an ETag of this referral")
    return int(tag[1])


def _coded(service: ReferralService, field: str, kind: str, code: str | None) -> str:
    known = service.reasons.get(kind, frozenset())
    if code is None or code not in known:
        raise Problem.of_field(field, f"unknown_{field}", f"must be one of {', '.join(sorted(known))}")
    return code


def _details(service: ReferralService, command: Command, body: Remark) -> Details:
    if isinstance(body, Reasoned):
        return Details(_coded(service, "reason", _CODED[command], body.reason), body.note)
    if isinstance(body, Discharge):
        return Details(_coded(service, "outcome", "outcome", body.outcome), body.note)
    if isinstance(body, Acceptance):
        _check_day(body.admit_on, day_of(service.clock()))
        return Details(None, body.note, body.admit_on)
    return Details(None, body.note)


def _check_day(admit_on: date | None, today: date) -> None:
    if admit_on and not today <= admit_on <= today + ADMIT_AHEAD:
        message = f"must be from {today} to {today + ADMIT_AHEAD}"
        raise Problem.of_field("admit_on", "day_out_of_range", message)


async def _run(
    command: Command, referral_id: UUID, service: ReferralService, principal: Principal, body: Remark, match: str | None
) -> None:
    details, version = _details(service, command, body), _version(match)
    try:
        await service.act(referral_id, command, caller_of(principal), details, version=version)
    except UnknownReferral:
        raise not_found(referral_id) from None
    except VersionMoved:
        raise Problem(412, "version_moved", "The referral has changed since you read it; read it again.") from None
    except IllegalTransition as error:
        allowed = {"state": error.state, "allowed_actions": [one.path for one in error.allowed]}
        raise Problem(409, "illegal_transition", str(error), extra=allowed) from None


def _endpoint(command: Command, body_type: type[Remark], text: str) -> Callable[..., Any]:
    who = sorted(frozenset().union(*(one.who for one in TRANSITIONS if one.command is command)))

    async def endpoint(
        referral_id: UUID,
        service: Service,
        principal: Annotated[Principal, Depends(require(*who))],
        response: Response,
        body: Annotated[body_type, Body()] = body_type(),  # type: ignore[valid-type]
        if_match: IfMatch = None,
    ) -> ReferralStory:
        await _run(command, referral_id, service, principal, body, if_match)
        return await read_referral(referral_id, service, principal, response)

    endpoint.__doc__, endpoint.__name__ = text, f"{command}_referral"
    return endpoint


for _command, _body, _text in (
    (Command.SEEN, Remark, "The center has seen the offer."),
    (Command.ACCEPT, Acceptance, "The center takes the child, from a day that it may agree on with the family."),
    (Command.DECLINE, Reasoned, "The center cannot take the child, also after it accepted: the next nearest is asked."),
    (Command.ADMIT, Remark, "The child has come: its course begins."),
    (Command.NO_SHOW, Reasoned, "The child did not come; its place goes to the next in the queue."),
    (Command.DISCHARGE, Discharge, "The course is over; the referral is complete."),
    (Command.OFFER_AGAIN, Remark, "Look for a place again: after a no-show, or when the network has changed."),
    (Command.CANCEL, Reasoned, "The polyclinic or an operator ends the referral."),
    (Command.WITHDRAW, Remark, "The family ends the referral."),
):
    router.add_api_route(f"/{{referral_id}}/{_command.path}", _endpoint(_command, _body, _text), methods=["POST"])
