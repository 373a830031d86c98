"""The referral's life as one table: state, command, who may, next state, event. API, docs and tests read it."""

from dataclasses import dataclass
from enum import StrEnum

from services.contracts import events
from services.contracts.vocabulary import OfferState, ReferralState, Role

ROUTER = "router"
"""The worker's own role: no token carries it."""


class Command(StrEnum):
    """What may be done to a referral."""

    OFFER = "offer"
    WAIT = "wait"
    SET_ASIDE = "set_aside"
    HAND_OVER = "hand_over"
    SEEN = "seen"
    ACCEPT = "accept"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row. `offer` is what becomes of the current offer, None where there is none."""

    state: ReferralState
    command: Command
    who: frozenset[str]
    to: ReferralState
    event: type[events.ReferralEvent]
    offer: OfferState | None = None


_ROUTER = frozenset({ROUTER})
_CENTER = frozenset({Role.CENTER.value, Role.ADMIN.value})
_S, _C, _O = ReferralState, Command, OfferState

TRANSITIONS: tuple[Transition, ...] = (
    Transition(_S.SUBMITTED, _C.OFFER, _ROUTER, _S.OFFERED, events.ReferralOfferedV1, _O.MADE),
    Transition(_S.SUBMITTED, _C.WAIT, _ROUTER, _S.WAITING, events.ReferralWaitingV1),
    Transition(_S.SUBMITTED, _C.SET_ASIDE, _ROUTER, _S.UNPLACEABLE, events.ReferralUnplaceableV1),
    Transition(_S.WAITING, _C.HAND_OVER, _ROUTER, _S.OFFERED, events.ReferralOfferedV1, _O.MADE),
    Transition(_S.OFFERED, _C.SEEN, _CENTER, _S.OFFERED, events.OfferSeenV1, _O.SEEN),
    Transition(_S.OFFERED, _C.ACCEPT, _CENTER, _S.ACCEPTED, events.ReferralAcceptedV1, _O.ACCEPTED),
    Transition(_S.OFFERED, _C.DECLINE, _CENTER, _S.SUBMITTED, events.OfferDeclinedV1, _O.DECLINED),
)
_BY_STATE = {(one.state, one.command): one for one in TRANSITIONS}


class IllegalTransition(Exception):
    """This command does not fit the state; `allowed` are those that would, by anybody with the role."""

    def __init__(self, state: ReferralState, command: Command, allowed: tuple[Command, ...]) -> None:
        super().__init__(f"{command} is not possible while {state}")
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
