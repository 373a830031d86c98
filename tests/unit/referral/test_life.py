"""The table of the referral's life, row by row, and everything that is not in it."""

from itertools import product

import pytest

from services.contracts import events
from services.contracts.vocabulary import OfferState, ReferralState, Role
from services.referral.domain.life import (
    ROUTER,
    TRANSITIONS,
    Command,
    IllegalTransition,
    allowed_actions,
    transition,
)

S, C, O = ReferralState, Command, OfferState
CENTER, ROUTED = {Role.CENTER, Role.ADMIN}, {ROUTER}
LIFE = {
    (S.SUBMITTED, C.OFFER): (ROUTED, S.OFFERED, events.ReferralOfferedV1, O.MADE),
    (S.SUBMITTED, C.WAIT): (ROUTED, S.WAITING, events.ReferralWaitingV1, None),
    (S.SUBMITTED, C.SET_ASIDE): (ROUTED, S.UNPLACEABLE, events.ReferralUnplaceableV1, None),
    (S.WAITING, C.HAND_OVER): (ROUTED, S.OFFERED, events.ReferralOfferedV1, O.MADE),
    (S.OFFERED, C.SEEN): (CENTER, S.OFFERED, events.OfferSeenV1, O.SEEN),
    (S.OFFERED, C.ACCEPT): (CENTER, S.ACCEPTED, events.ReferralAcceptedV1, O.ACCEPTED),
    (S.OFFERED, C.DECLINE): (CENTER, S.SUBMITTED, events.OfferDeclinedV1, O.DECLINED),
}
EVERYBODY = frozenset({ROUTER, *(role.value for role in Role)})


def test_the_table_has_these_rows_and_no_state_knows_a_command_twice() -> None:
    rows = {(one.state, one.command): (set(one.who), one.to, one.event, one.offer) for one in TRANSITIONS}
    assert rows == LIFE
    assert len(TRANSITIONS) == len(LIFE)


@pytest.mark.parametrize(("state", "command"), list(product(ReferralState, Command)))
def test_every_command_in_every_state_is_a_row_or_refused_with_what_is_allowed(
    state: ReferralState, command: Command
) -> None:
    if (state, command) in LIFE:
        assert transition(state, command, EVERYBODY).to is LIFE[state, command][1]
        return
    with pytest.raises(IllegalTransition) as refused:
        transition(state, command, EVERYBODY)
    assert (refused.value.state, refused.value.command) == (state, command)
    assert set(refused.value.allowed) == {one for at, one in LIFE if at is state}


@pytest.mark.parametrize(("key", "role"), list(product(LIFE, sorted(EVERYBODY))))
def test_only_who_may_does(key: tuple[ReferralState, Command], role: str) -> None:
    state, command = key
    may = role in LIFE[key][0]
    assert (command in allowed_actions(state, frozenset({role}))) is may
    if not may:
        with pytest.raises(IllegalTransition):
            transition(state, command, frozenset({role}))


def test_no_token_carries_the_routers_role() -> None:
    assert ROUTER not in {role.value for role in Role}


@pytest.mark.parametrize("state", [S.COMPLETED, S.CANCELLED])
def test_a_closed_referral_stays_closed(state: ReferralState) -> None:
    assert allowed_actions(state, EVERYBODY) == ()
