"""`POST /v1/referrals/{id}/…`: the acts of a center, a polyclinic or an operator on a referral."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, Response

from services.contracts.days import day_of
from services.kit.http.auth import Principal, Require
from services.kit.http.preconditions import Precondition, version_moved
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.versions import Expected, VersionMoved
from services.referral.bootstrap import ReferralService
from services.referral.domain.life import TRANSITIONS, Command, IllegalTransition
from services.referral.entrypoints.command_schemas import Acceptance, Discharge, Reasoned, Remark
from services.referral.entrypoints.referral_schemas import ReferralStory
from services.referral.entrypoints.referrals import Service, not_found, read_referral
from services.referral.handlers.act import Details, UnknownReferral

router = guarded_router("/v1/referrals", tags=["referrals"])
ADMIT_AHEAD = timedelta(days=365)
_CODED = {Command.DECLINE: "decline", Command.NO_SHOW: "no_show", Command.CANCEL: "cancel"}
"""The commands that need a reason, and of which kind."""


def _coded(service: ReferralService, field: str, kind: str, code: str | None) -> str:
    known = service.reasons.get(kind, frozenset())
    if code is None or code not in known:
        raise Problem.of_field(field, f"unknown_{field}", f"must be one of {', '.join(sorted(known))}")
    return code


def _details(service: ReferralService, command: Command, body: Remark) -> Details:
    if isinstance(body, Reasoned):
        return Details(_coded(service, "reason", _CODED[command], body.reason), body.note_id)
    if isinstance(body, Discharge):
        return Details(_coded(service, "outcome", "outcome", body.outcome), body.note_id)
    if isinstance(body, Acceptance):
        _check_day(body.admit_on, day_of(service.clock()))
        return Details(None, body.note_id, body.admit_on)
    return Details(None, body.note_id)


def _check_day(admit_on: date | None, today: date) -> None:
    if admit_on and not today <= admit_on <= today + ADMIT_AHEAD:
        message = f"must be from {today} to {today + ADMIT_AHEAD}"
        raise Problem.of_field("admit_on", "day_out_of_range", message)


async def _act(
    command: Command, referral_id: UUID, service: ReferralService, who: Principal, body: Remark, expected: Expected
) -> None:
    details = _details(service, command, body)
    try:
        await service.act(referral_id, command, who, details, expected=expected)
    except UnknownReferral:
        raise not_found(referral_id) from None
    except VersionMoved:
        raise version_moved() from None
    except IllegalTransition as error:
        allowed: dict[str, Any] = {"allowed_actions": [one.path for one in error.allowed]}
        state = {"state": error.state} if error.state else {}
        raise Problem(409, "illegal_transition", str(error), extra=state | allowed) from None


def _endpoint(command: Command, body_type: type[Remark], text: str) -> Callable[..., Any]:
    who = sorted(frozenset().union(*(one.who for one in TRANSITIONS if one.command is command)))

    async def endpoint(
        referral_id: UUID,
        service: Service,
        principal: Annotated[Principal, Depends(Require(*who))],
        expected: Precondition,
        body: Annotated[body_type, Body()] = body_type(),  # type: ignore[valid-type]
    ) -> Response:
        await _act(command, referral_id, service, principal, body, expected)
        return await read_referral(referral_id, service, principal)

    endpoint.__doc__, endpoint.__name__ = text, f"{command}_referral"
    return endpoint


for _command, _body, _text in (
    (Command.SEEN, Remark, "The center has seen the offer."),
    (Command.ACCEPT, Acceptance, "The center takes the child, from a day that it may agree on with the family."),
    (Command.DECLINE, Reasoned, "The center cannot take the child, also after it accepted: the next nearest is asked."),
    (Command.ADMIT, Remark, "The child has come: the course begins."),
    (Command.NO_SHOW, Reasoned, "The child did not come; the place goes to the next in the queue."),
    (Command.DISCHARGE, Discharge, "The course is over; the referral is complete."),
    (Command.OFFER_AGAIN, Remark, "Route the child again: after a no-show, or when the network has changed."),
    (Command.CANCEL, Reasoned, "The polyclinic or an operator ends the referral."),
    (Command.WITHDRAW, Remark, "The family ends the referral."),
):
    router.add_api_route(
        f"/{{referral_id}}/{_command.path}",
        _endpoint(_command, _body, _text),
        methods=["POST"],
        response_model=ReferralStory,
    )
