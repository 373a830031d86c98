"""The referral's life as one table: state, command, who may, next state, event. API, docs and tests read it."""

from dataclasses import dataclass
from enum import StrEnum

from services.contracts import events
from services.contracts.vocabulary import CLOSED, OfferState, ReferralState, Role

ROUTER = "router"
"""The worker's own role: no token carries it."""
STEWARD = "steward"
"""Who keeps the deadlines, in the worker as well: no token carries it."""


class Command(StrEnum):
    """What may be done to a referral."""

    OFFER = "offer"
    WAIT = "wait"
    SET_ASIDE = "set_aside"
    HAND_OVER = "hand_over"
    SEEN = "seen"
    ACCEPT = "accept"
    DECLINE = "decline"
    ADMIT = "admit"
    NO_SHOW = "no_show"
    DISCHARGE = "discharge"
    OFFER_AGAIN = "offer_again"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"
    REMIND = "remind"
    EXPIRE = "expire"
    ESCALATE = "escalate"
    REVIEW = "review"

    @property
    def path(self) -> str:
        """How the API names it: `POST /v1/referrals/{id}/{path}`."""
        return self.replace("_", "-")


class Claim(StrEnum):
    """What the worker does with the referral's claim when it sees the event."""

    NEXT = "next attempt"
    OCCUPY = "occupy"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row. `offer` is what becomes of the current offer, `claim` of the place; None where nothing does."""

    state: ReferralState
    command: Command
    who: frozenset[str]
    to: ReferralState
    event: type[events.ReferralEvent]
    offer: OfferState | None = None
    claim: Claim | None = None


_ROUTER, _STEWARD = frozenset({ROUTER}), frozenset({STEWARD})
_ADMIN = frozenset({Role.ADMIN.value})
_CENTER = _ADMIN | {Role.CENTER.value}
_POLYCLINIC = _ADMIN | {Role.POLYCLINIC.value}
_OPERATOR = _ADMIN | {Role.OPERATOR.value}
_S, _C, _O = ReferralState, Command, OfferState
OPEN = tuple(state for state in ReferralState if state not in CLOSED)

TRANSITIONS: tuple[Transition, ...] = (
    Transition(_S.SUBMITTED, _C.OFFER, _ROUTER, _S.OFFERED, events.ReferralOfferedV1, _O.MADE),
    Transition(_S.SUBMITTED, _C.WAIT, _ROUTER, _S.WAITING, events.ReferralWaitingV1),
    Transition(_S.SUBMITTED, _C.SET_ASIDE, _ROUTER, _S.UNPLACEABLE, events.ReferralUnplaceableV1),
    Transition(_S.WAITING, _C.HAND_OVER, _ROUTER, _S.OFFERED, events.ReferralOfferedV1, _O.MADE),
    Transition(_S.OFFERED, _C.SEEN, _CENTER, _S.OFFERED, events.OfferSeenV1, _O.SEEN),
    Transition(_S.OFFERED, _C.ACCEPT, _CENTER, _S.ACCEPTED, events.ReferralAcceptedV1, _O.ACCEPTED),
    Transition(_S.OFFERED, _C.DECLINE, _CENTER, _S.SUBMITTED, events.OfferDeclinedV1, _O.DECLINED, Claim.NEXT),
    Transition(_S.OFFERED, _C.REMIND, _STEWARD, _S.OFFERED, events.OfferReminderDueV1),
    Transition(_S.OFFERED, _C.EXPIRE, _STEWARD, _S.SUBMITTED, events.OfferExpiredV1, _O.EXPIRED, Claim.NEXT),
    Transition(_S.ACCEPTED, _C.ADMIT, _CENTER, _S.ADMITTED, events.ReferralAdmittedV1, None, Claim.OCCUPY),
    Transition(_S.ACCEPTED, _C.NO_SHOW, _CENTER, _S.NO_SHOW, events.ReferralNoShowV1, _O.MISSED, Claim.RELEASE),
    Transition(_S.ACCEPTED, _C.DECLINE, _CENTER, _S.SUBMITTED, events.OfferDeclinedV1, _O.DECLINED, Claim.NEXT),
    Transition(_S.ADMITTED, _C.DISCHARGE, _CENTER, _S.COMPLETED, events.ReferralCompletedV1, None, Claim.RELEASE),
    Transition(
        _S.NO_SHOW, _C.OFFER_AGAIN, _POLYCLINIC | _OPERATOR, _S.SUBMITTED, events.ReferralResubmittedV1,
        None, Claim.NEXT,
    ),
    Transition(
        _S.UNPLACEABLE, _C.OFFER_AGAIN, _OPERATOR, _S.SUBMITTED, events.ReferralResubmittedV1, None, Claim.NEXT
    ),
    *(
        Transition(state, _C.REVIEW, _STEWARD, _S.SUBMITTED, events.ReferralResubmittedV1, None, Claim.NEXT)
        for state in (_S.WAITING, _S.UNPLACEABLE)
    ),
    *(
        Transition(state, command, who, _S.CANCELLED, events.ReferralCancelledV1, _O.WITHDRAWN, Claim.RELEASE)
        for state in OPEN
        for command, who in ((_C.CANCEL, _POLYCLINIC | _OPERATOR), (_C.WITHDRAW, _POLYCLINIC))
    ),
    *(
        Transition(state, _C.ESCALATE, _STEWARD, state, events.ReferralEscalatedV1)
        for state in OPEN
        if state is not _S.OFFERED
    ),
)  # fmt: skip
_BY_STATE = {(one.state, one.command): one for one in TRANSITIONS}


class IllegalTransition(Exception):
    """This command does not fit the state; `allowed` are those that would, by anybody with the role."""

    def __init__(self, state: ReferralState, command: Command, allowed: tuple[Command, ...]) -> None:
        super().__init__(f"{command.path} is not possible while {state}")
        self.state, self.command, self.allowed = state, command, allowed


def allowed_actions(state: ReferralState, roles: frozenset[str]) -> tuple[Command, ...]:
    """What somebody with `roles` may do to a referral in `state`."""
    return tuple(one.command for one in TRANSITIONS if one.state is state and not roles.isdisjoint(one.who))


def transition(state: ReferralState, command: Command, roles: frozenset[str] = _ROUTER) -> Transition:
    """The row for `command` in `state`; raises IllegalTransition."""
    row = _BY_STATE.get((state, command))
    if row is None or roles.isdisjoint(row.who):
        raise IllegalTransition(state, command, allowed_actions(state, roles))
    return row


def events_for(claim: Claim) -> tuple[type[events.ReferralEvent], ...]:
    """The events after which the worker does this with the place."""
    return tuple(dict.fromkeys(one.event for one in TRANSITIONS if one.claim is claim))


def owner(state: ReferralState, center_id: str | None) -> str | None:
    """Who must act next: `network`, `center:<id>` (`center` to those who may not know which), `polyclinic` or
    `operators`; None when it is closed.
    """
    if state in (ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED):
        return f"center:{center_id}" if center_id else "center"
    return {
        ReferralState.SUBMITTED: "network",
        ReferralState.WAITING: "network",
        ReferralState.UNPLACEABLE: "operators",
        ReferralState.NO_SHOW: "polyclinic",
    }.get(state)
