"""The table of the referral's life, row by row, and everything that is not in it."""

from itertools import product

import pytest

from services.contracts import events
from services.contracts.vocabulary import CLOSED, OfferState, ReferralState, Role
from services.kit.settings import CHECKOUT
from services.referral.domain.life import (
    ROUTER,
    STEWARD,
    TRANSITIONS,
    Claim,
    Command,
    IllegalTransition,
    allowed_actions,
    owner,
    transition,
)
from services.referral.entrypoints.draw_life import page

S, C, O, E = ReferralState, Command, OfferState, events
ROUTED, KEPT = {ROUTER}, {STEWARD}
CENTER, POLYCLINIC, OPERATOR = {Role.CENTER, Role.ADMIN}, {Role.POLYCLINIC, Role.ADMIN}, {Role.OPERATOR, Role.ADMIN}
OPEN = [S.SUBMITTED, S.OFFERED, S.WAITING, S.UNPLACEABLE, S.ACCEPTED, S.ADMITTED, S.NO_SHOW]
LIFE = {
    (S.SUBMITTED, C.OFFER): (ROUTED, S.OFFERED, E.ReferralOfferedV1, O.MADE, None),
    (S.SUBMITTED, C.WAIT): (ROUTED, S.WAITING, E.ReferralWaitingV1, None, None),
    (S.SUBMITTED, C.SET_ASIDE): (ROUTED, S.UNPLACEABLE, E.ReferralUnplaceableV1, None, None),
    (S.WAITING, C.HAND_OVER): (ROUTED, S.OFFERED, E.ReferralOfferedV1, O.MADE, None),
    (S.OFFERED, C.SEEN): (CENTER, S.OFFERED, E.OfferSeenV1, O.SEEN, None),
    (S.OFFERED, C.ACCEPT): (CENTER, S.ACCEPTED, E.ReferralAcceptedV1, O.ACCEPTED, None),
    (S.OFFERED, C.DECLINE): (CENTER, S.SUBMITTED, E.OfferDeclinedV1, O.DECLINED, Claim.NEXT),
    (S.OFFERED, C.REMIND): (KEPT, S.OFFERED, E.OfferReminderDueV1, None, None),
    (S.OFFERED, C.EXPIRE): (KEPT, S.SUBMITTED, E.OfferExpiredV1, O.EXPIRED, Claim.NEXT),
    (S.ACCEPTED, C.ADMIT): (CENTER, S.ADMITTED, E.ReferralAdmittedV1, None, Claim.OCCUPY),
    (S.ACCEPTED, C.NO_SHOW): (CENTER, S.NO_SHOW, E.ReferralNoShowV1, O.MISSED, Claim.RELEASE),
    (S.ACCEPTED, C.DECLINE): (CENTER, S.SUBMITTED, E.OfferDeclinedV1, O.DECLINED, Claim.NEXT),
    (S.ADMITTED, C.DISCHARGE): (CENTER, S.COMPLETED, E.ReferralCompletedV1, None, Claim.RELEASE),
    (S.NO_SHOW, C.OFFER_AGAIN): (POLYCLINIC | OPERATOR, S.SUBMITTED, E.ReferralResubmittedV1, None, Claim.NEXT),
    (S.UNPLACEABLE, C.OFFER_AGAIN): (OPERATOR, S.SUBMITTED, E.ReferralResubmittedV1, None, Claim.NEXT),
    (S.WAITING, C.REVIEW): (KEPT, S.SUBMITTED, E.ReferralResubmittedV1, None, Claim.NEXT),
    (S.UNPLACEABLE, C.REVIEW): (KEPT, S.SUBMITTED, E.ReferralResubmittedV1, None, Claim.NEXT),
}
for _open in OPEN:
    cancelled = S.CANCELLED, E.ReferralCancelledV1, O.WITHDRAWN, Claim.RELEASE
    LIFE[_open, C.CANCEL] = POLYCLINIC | OPERATOR, *cancelled
    LIFE[_open, C.WITHDRAW] = POLYCLINIC, *cancelled
    if _open is not S.OFFERED:
        LIFE[_open, C.ESCALATE] = KEPT, _open, E.ReferralEscalatedV1, None, None
EVERYBODY = frozenset({ROUTER, STEWARD, *(role.value for role in Role)})


def test_the_table_has_these_rows_and_no_state_knows_a_command_twice() -> None:
    rows = {(one.state, one.command): (set(one.who), one.to, one.event, one.offer, one.claim) for one in TRANSITIONS}
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


def test_no_token_carries_the_workers_roles() -> None:
    assert {ROUTER, STEWARD}.isdisjoint(role.value for role in Role)


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_a_closed_referral_stays_closed_and_nobody_owns_it(state: ReferralState) -> None:
    assert allowed_actions(state, EVERYBODY) == ()
    assert owner(state, "c") is None


@pytest.mark.parametrize(
    ("state", "owns"),
    [
        (S.SUBMITTED, "network"), (S.WAITING, "network"), (S.UNPLACEABLE, "operators"), (S.NO_SHOW, "polyclinic"),
        (S.OFFERED, "center:c"), (S.ACCEPTED, "center:c"), (S.ADMITTED, "center:c"),
    ],
)  # fmt: skip
def test_every_open_referral_has_an_owner(state: ReferralState, owns: str) -> None:
    assert owner(state, "c") == owns


def test_every_open_referral_can_end_and_is_looked_at() -> None:
    for state in OPEN:
        commands = {one.command for one in TRANSITIONS if one.state is state}
        assert {C.CANCEL, C.WITHDRAW} <= commands
        assert commands & {C.EXPIRE, C.ESCALATE}


def test_the_page_in_docs_is_what_the_table_says() -> None:
    """After a change: `python -m services.referral.entrypoints.draw_life > docs/life.md`."""
    assert (CHECKOUT / "docs" / "life.md").read_text(encoding="utf-8") == page()
