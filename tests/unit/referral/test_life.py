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
    ClaimEffect,
    Command,
    IllegalTransition,
    allowed_actions,
    owner,
    transition,
)
from tests.unit.referral.life_page import page

S, C, O, E = ReferralState, Command, OfferState, events
ROUTED: set[str] = {ROUTER}
KEPT: set[str] = {STEWARD}
CENTER: set[str] = {Role.CENTER, Role.ADMIN}
POLYCLINIC: set[str] = {Role.POLYCLINIC, Role.ADMIN}
OPERATOR: set[str] = {Role.OPERATOR, Role.ADMIN}
OPEN = [S.SUBMITTED, S.OFFERED, S.WAITING, S.UNPLACEABLE, S.ACCEPTED, S.ADMITTED, S.NO_SHOW]
Row = tuple[set[str], ReferralState, type[events.ReferralEvent], OfferState | None, ClaimEffect | None]
LIFE: dict[tuple[ReferralState, Command], Row] = {
    (S.SUBMITTED, C.OFFER): (ROUTED, S.OFFERED, E.ReferralOfferedV1, O.MADE, None),
    (S.SUBMITTED, C.WAIT): (ROUTED, S.WAITING, E.ReferralWaitingV1, None, None),
    (S.SUBMITTED, C.SET_ASIDE): (ROUTED, S.UNPLACEABLE, E.ReferralUnplaceableV1, None, None),
    (S.WAITING, C.HAND_OVER): (ROUTED, S.OFFERED, E.ReferralOfferedV1, O.MADE, None),
    (S.OFFERED, C.SEEN): (CENTER, S.OFFERED, E.OfferSeenV1, O.SEEN, None),
    (S.OFFERED, C.ACCEPT): (CENTER, S.ACCEPTED, E.ReferralAcceptedV1, O.ACCEPTED, None),
    (S.OFFERED, C.DECLINE): (CENTER, S.SUBMITTED, E.OfferDeclinedV1, O.DECLINED, ClaimEffect.NEXT),
    (S.OFFERED, C.REMIND): (KEPT, S.OFFERED, E.OfferReminderDueV1, None, None),
    (S.OFFERED, C.EXPIRE): (KEPT, S.SUBMITTED, E.OfferExpiredV1, O.EXPIRED, ClaimEffect.NEXT),
    (S.ACCEPTED, C.ADMIT): (CENTER, S.ADMITTED, E.ReferralAdmittedV1, None, ClaimEffect.OCCUPY),
    (S.ACCEPTED, C.NO_SHOW): (CENTER, S.NO_SHOW, E.ReferralNoShowV1, O.MISSED, ClaimEffect.RELEASE),
    (S.ACCEPTED, C.DECLINE): (CENTER, S.SUBMITTED, E.OfferDeclinedV1, O.DECLINED, ClaimEffect.NEXT),
    (S.ADMITTED, C.DISCHARGE): (CENTER, S.COMPLETED, E.ReferralCompletedV1, None, ClaimEffect.RELEASE),
    (S.NO_SHOW, C.OFFER_AGAIN): (POLYCLINIC | OPERATOR, S.SUBMITTED, E.ReferralResubmittedV1, None, ClaimEffect.NEXT),
    (S.WAITING, C.OFFER_AGAIN): (OPERATOR, S.SUBMITTED, E.ReferralResubmittedV1, None, ClaimEffect.NEXT),
    (S.UNPLACEABLE, C.OFFER_AGAIN): (OPERATOR, S.SUBMITTED, E.ReferralResubmittedV1, None, ClaimEffect.NEXT),
    (S.SUBMITTED, C.REVIEW): (KEPT, S.SUBMITTED, E.ReferralResubmittedV1, None, ClaimEffect.NEXT),
    (S.WAITING, C.REVIEW): (KEPT, S.SUBMITTED, E.ReferralResubmittedV1, None, ClaimEffect.NEXT),
    (S.UNPLACEABLE, C.REVIEW): (KEPT, S.SUBMITTED, E.ReferralResubmittedV1, None, ClaimEffect.NEXT),
    (S.OFFERED, C.REVIEW): (KEPT, S.SUBMITTED, E.ReferralResubmittedV1, O.WITHDRAWN, ClaimEffect.NEXT),
}
for _open in OPEN:
    cancelled = S.CANCELLED, E.ReferralCancelledV1, O.WITHDRAWN, ClaimEffect.RELEASE
    LIFE[_open, C.CANCEL] = POLYCLINIC | OPERATOR, *cancelled
    LIFE[_open, C.WITHDRAW] = POLYCLINIC, *cancelled
    LIFE[_open, C.JOIN] = LIFE[_open, C.WITHDRAW_CONSENT] = ROUTED, *cancelled
    LIFE[_open, C.CORRECT] = ROUTED, _open, E.ReferralCorrectedV1, None, None
    if _open is not S.OFFERED:
        LIFE[_open, C.ESCALATE] = KEPT, _open, E.ReferralEscalatedV1, None, None
EVERYBODY = frozenset({ROUTER, STEWARD, *(role.value for role in Role)})


def test_the_table_has_these_rows_and_no_state_knows_a_command_twice() -> None:
    rows = {(one.state, one.command): (set(one.who), one.to, one.event, one.offer, one.claim) for one in TRANSITIONS}
    assert rows == LIFE
    assert len(TRANSITIONS) == len(LIFE)


@pytest.mark.parametrize("state", ReferralState)
def test_every_role_may_do_what_the_table_says_and_nothing_else(state: ReferralState) -> None:
    for command, role in product(Command, EVERYBODY):
        row = LIFE.get((state, command))
        if row and role in row[0]:
            assert transition(state, command, role).to is row[1]
            continue
        with pytest.raises(IllegalTransition) as refused:
            transition(state, command, role)
        assert (refused.value.state, refused.value.command) == (state, command)
    for role in EVERYBODY:
        may = [command for command in Command if (state, command) in LIFE and role in LIFE[state, command][0]]
        assert sorted(allowed_actions(state, lambda who: role in who)) == sorted(may)  # noqa: B023


def test_no_token_carries_the_workers_roles() -> None:
    assert {ROUTER, STEWARD}.isdisjoint(role.value for role in Role)


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_a_closed_referral_stays_closed_and_nobody_owns_it(state: ReferralState) -> None:
    assert allowed_actions(state, bool) == ()
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


def test_every_open_referral_can_end_and_has_a_deadline_step() -> None:
    for state in OPEN:
        commands = {one.command for one in TRANSITIONS if one.state is state}
        assert {C.CANCEL, C.WITHDRAW} <= commands
        assert commands & {C.EXPIRE, C.ESCALATE}


def test_the_page_in_docs_is_what_the_table_says() -> None:
    """After a change: `python -m tests.unit.referral.life_page > docs/life.md`."""
    assert (CHECKOUT / "docs" / "life.md").read_text(encoding="utf-8") == page()
