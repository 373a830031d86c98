"""The referral's life as one table: state, command, who may, next state, event. API, docs and tests read it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from services.contracts import events
from services.contracts.vocabulary import CLOSED, OfferState, ReferralState, Role

ROUTER = "router"
"""The worker's own role: no token carries it."""
STEWARD = "steward"
"""The role that keeps the deadlines, also the worker's: no token carries it."""


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
    CORRECT = "correct"
    JOIN = "join"
    WITHDRAW_CONSENT = "withdraw_consent"

    @property
    def path(self) -> str:
        """Its name in the API: `POST /v1/referrals/{id}/{path}`."""
        return self.replace("_", "-")


class ClaimEffect(StrEnum):
    """What the worker does with the referral's claim at the event."""

    NEXT = "next attempt"
    OCCUPY = "occupy"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row. `offer` is the current offer's next state, `claim` what happens to the place; None for no change."""

    state: ReferralState
    command: Command
    who: frozenset[str]
    to: ReferralState
    event: type[events.ReferralEvent]
    offer: OfferState | None = None
    claim: ClaimEffect | None = None


_ROUTER, _STEWARD = frozenset({ROUTER}), frozenset({STEWARD})
_ADMIN = frozenset({Role.ADMIN.value})
_CENTER = _ADMIN | {Role.CENTER.value}
_POLYCLINIC = _ADMIN | {Role.POLYCLINIC.value}
_OPERATOR = _ADMIN | {Role.OPERATOR.value}
_S, _C, _O = ReferralState, Command, OfferState
AT_A_CENTER = (ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED)
"""The states in which the offer's center has the child."""
OPEN = tuple(state for state in ReferralState if state not in CLOSED)

TRANSITIONS: tuple[Transition, ...] = (
    Transition(_S.SUBMITTED, _C.OFFER, _ROUTER, _S.OFFERED, events.ReferralOfferedV1, _O.MADE),
    Transition(_S.SUBMITTED, _C.WAIT, _ROUTER, _S.WAITING, events.ReferralWaitingV1),
    Transition(_S.SUBMITTED, _C.SET_ASIDE, _ROUTER, _S.UNPLACEABLE, events.ReferralUnplaceableV1),
    Transition(_S.WAITING, _C.HAND_OVER, _ROUTER, _S.OFFERED, events.ReferralOfferedV1, _O.MADE),
    Transition(_S.OFFERED, _C.SEEN, _CENTER, _S.OFFERED, events.OfferSeenV1, _O.SEEN),
    Transition(_S.OFFERED, _C.ACCEPT, _CENTER, _S.ACCEPTED, events.ReferralAcceptedV1, _O.ACCEPTED),
    Transition(_S.OFFERED, _C.DECLINE, _CENTER, _S.SUBMITTED, events.OfferDeclinedV1, _O.DECLINED, ClaimEffect.NEXT),
    Transition(_S.OFFERED, _C.REMIND, _STEWARD, _S.OFFERED, events.OfferReminderDueV1),
    Transition(_S.OFFERED, _C.EXPIRE, _STEWARD, _S.SUBMITTED, events.OfferExpiredV1, _O.EXPIRED, ClaimEffect.NEXT),
    Transition(_S.ACCEPTED, _C.ADMIT, _CENTER, _S.ADMITTED, events.ReferralAdmittedV1, None, ClaimEffect.OCCUPY),
    Transition(_S.ACCEPTED, _C.NO_SHOW, _CENTER, _S.NO_SHOW, events.ReferralNoShowV1, _O.MISSED, ClaimEffect.RELEASE),
    Transition(_S.ACCEPTED, _C.DECLINE, _CENTER, _S.SUBMITTED, events.OfferDeclinedV1, _O.DECLINED, ClaimEffect.NEXT),
    Transition(_S.ADMITTED, _C.DISCHARGE, _CENTER, _S.COMPLETED, events.ReferralCompletedV1, None, ClaimEffect.RELEASE),
    Transition(
        _S.NO_SHOW, _C.OFFER_AGAIN, _POLYCLINIC | _OPERATOR, _S.SUBMITTED, events.ReferralResubmittedV1,
        None, ClaimEffect.NEXT,
    ),
    *(
        Transition(state, command, who, _S.SUBMITTED, events.ReferralResubmittedV1, None, ClaimEffect.NEXT)
        for state in (_S.WAITING, _S.UNPLACEABLE)
        for command, who in ((_C.OFFER_AGAIN, _OPERATOR), (_C.REVIEW, _STEWARD))
    ),
    Transition(_S.SUBMITTED, _C.REVIEW, _STEWARD, _S.SUBMITTED, events.ReferralResubmittedV1, None, ClaimEffect.NEXT),
    Transition(
        _S.OFFERED, _C.REVIEW, _STEWARD, _S.SUBMITTED, events.ReferralResubmittedV1, _O.WITHDRAWN, ClaimEffect.NEXT
    ),
    *(Transition(state, _C.CORRECT, _ROUTER, state, events.ReferralCorrectedV1) for state in OPEN),
    *(
        Transition(
            state, command, _ROUTER, _S.CANCELLED, events.ReferralCancelledV1, _O.WITHDRAWN, ClaimEffect.RELEASE
        )
        for state in OPEN
        for command in (_C.JOIN, _C.WITHDRAW_CONSENT)
    ),
    *(
        Transition(state, command, who, _S.CANCELLED, events.ReferralCancelledV1, _O.WITHDRAWN, ClaimEffect.RELEASE)
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
    """The command does not fit the state, or is not for this role; `allowed` are those that would be possible."""

    def __init__(self, state: ReferralState, command: Command, allowed: tuple[Command, ...] = ()) -> None:
        super().__init__(f"{command.path} is not possible while {state}")
        self.state: ReferralState | None = state
        self.command, self.allowed = command, allowed


class OfferEnded(IllegalTransition):
    """A center's part has ended: it is not told what the referral's state is now."""

    def __init__(self, command: Command) -> None:
        Exception.__init__(self, f"{command.path} is not possible: your offer has ended")
        self.state, self.command, self.allowed = None, command, ()


def allowed_actions(state: ReferralState, may: Callable[[frozenset[str]], object]) -> tuple[Command, ...]:
    """The commands in `state` for somebody of whom `may` tells whether one of the given roles is theirs."""
    return tuple(one.command for one in TRANSITIONS if one.state is state and may(one.who))


def who_may(state: ReferralState, command: Command) -> frozenset[str]:
    """The roles that may do `command` in `state`; empty when nobody may."""
    row = _BY_STATE.get((state, command))
    return row.who if row else frozenset()


def transition(state: ReferralState, command: Command, role: str) -> Transition:
    """The row for `command` in `state`; raises IllegalTransition unless it is for `role`."""
    if role not in who_may(state, command):
        raise IllegalTransition(state, command)
    return _BY_STATE[state, command]


_OWNERS = {
    ReferralState.SUBMITTED: "network",
    ReferralState.WAITING: "network",
    ReferralState.UNPLACEABLE: "operators",
    ReferralState.NO_SHOW: "polyclinic",
}


def owner(state: ReferralState, center_id: str | None) -> str | None:
    """The next to act: `network`, `center:<id>` (`center` where its id is not shown), `polyclinic` or `operators`;
    None when the referral is closed.
    """
    if state in AT_A_CENTER:
        return f"center:{center_id}" if center_id else "center"
    return _OWNERS.get(state)
