"""The handlers on fakes: what is claimed, what is recorded, and what a cut-off step leaves behind."""

from uuid import UUID

import pytest

from services.contracts.claims import DataVersion
from services.contracts.events import (
    CenterRegisteredV1,
    Event,
    FigureSetV1,
    OfferDeclinedV1,
    ReferralOfferedV1,
    ReferralUnplaceableV1,
    ReferralWaitingV1,
)
from services.contracts.vocabulary import ClaimState, ReferralState
from services.kit.errors import Conflict, PermanentError, TransientError
from services.referral.handlers import open_center
from tests.unit.referral.handlers import FAR, NEAR, Country, handed_over
from tests.unit.referral.samples import NOW, diagnosis, event, figure, network, programme


async def test_a_batch_is_one_call_to_capacity_and_one_change_a_child(country: Country) -> None:
    country.claims.places = {"near": 1, "far": 1}
    await country.take([event(diagnosis(number)) for number in (1, 2, 3)])
    assert country.claims.calls == 1
    assert [type(one.event) for one in country.referrals.saved] == [
        ReferralOfferedV1, ReferralOfferedV1, ReferralWaitingV1,
    ]  # fmt: skip
    assert [one.referral.programme_id for one in country.referrals.saved] == ["near", "far", None]
    assert country.referrals.data_version == DataVersion(epoch="1", sequence=1)


async def test_a_child_nobody_accepts_is_unplaceable_and_holds_nothing(country: Country) -> None:
    await country.take([event(diagnosis(icd10="F20"))])
    assert isinstance(country.referrals.saved[0].event, ReferralUnplaceableV1)
    assert country.claim() == (ClaimState.NONE, None)


async def test_one_unknown_settlement_fails_the_batch_by_name(country: Country) -> None:
    with pytest.raises(PermanentError, match="settlement_id"):
        await country.take([event(diagnosis(1)), event(diagnosis(2, settlement_id="atlantis"))])
    assert country.referrals.known == {}


async def test_while_capacity_is_down_nothing_is_recorded(country: Country) -> None:
    country.claims.down = True
    with pytest.raises(TransientError):
        await country.take([event(diagnosis())])
    assert (country.referrals.known, country.referrals.inbox) == ({}, set())


async def test_a_place_held_before_a_crash_is_given_back_when_nobody_accepts_the_child_any_more(
    country: Country,
) -> None:
    country.claims.places = {"near": 1}
    await _claim_and_crash(country)
    country.registered(programme("near", settlement_id="home", icd10_prefixes=("F84",)))
    await country.take([event(diagnosis())])
    assert country.state() is ReferralState.UNPLACEABLE
    assert country.claims.places == {"near": 1}


async def test_a_child_set_aside_before_a_crash_is_offered_when_a_programme_opened_meanwhile(country: Country) -> None:
    country.registered()
    await _claim_and_crash(country)
    country.claims.places = {"near": 1}
    country.registered(NEAR)
    await country.take([event(diagnosis())])
    assert country.claim() == (ClaimState.HELD, "near")
    assert country.referrals.known[UUID(int=1)].referral.attempt == country.claims.has[UUID(int=1)].attempt


async def test_a_child_queued_before_a_crash_joins_what_opened_meanwhile(country: Country) -> None:
    country.registered(FAR)
    await _claim_and_crash(country)
    assert country.claims.queues == {"far": [UUID(int=1)]}
    country.registered(FAR, NEAR)
    await country.take([event(diagnosis())])
    assert country.claims.queues == {"far": [UUID(int=1)], "near": [UUID(int=1)]}
    assert country.referrals.queues[UUID(int=1), 1] == {"near", "far"}


async def _claim_and_crash(country: Country) -> None:
    """Claim for child 1, and lose what was to be recorded."""
    await country.take([event(diagnosis())])
    for lost in (country.referrals.known, country.referrals.inbox, country.referrals.saved):
        lost.clear()


async def test_who_waits_by_an_older_registry_is_routed_again(country: Country) -> None:
    """A programme opened between reading the registry and the commit: it would never know of this child."""
    country.referrals.registry_version = 2
    with pytest.raises(Conflict):
        await country.take([event(diagnosis())])
    assert country.referrals.known == {}


async def test_a_declined_child_goes_on_and_gives_the_place_back(country: Country) -> None:
    country.claims.places = {"near": 1, "far": 1}
    await country.take([event(diagnosis())])
    await country.take([await country.decline()])
    assert country.claim() == (ClaimState.HELD, "far")
    assert country.claims.places == {"near": 1, "far": 0}
    await country.take([await country.decline()])
    assert country.state() is ReferralState.UNPLACEABLE
    assert country.claims.places == {"near": 1, "far": 1}


async def test_a_decline_taken_twice_moves_on_once(country: Country) -> None:
    country.claims.places = {"near": 1, "far": 1}
    await country.take([event(diagnosis())])
    declined = await country.decline()
    again = Event(envelope=declined.envelope.model_copy(update={"id": "again"}), data=declined.data)
    for batch in ([declined], [declined], [again], [declined, again]):
        await country.take(batch)
    assert country.referrals.known[UUID(int=1)].referral.attempt == 2


@pytest.mark.parametrize("state", [ClaimState.NONE, ClaimState.OCCUPIED])
async def test_a_stale_claim_is_tried_again_on_the_new_state(country: Country, state: ClaimState) -> None:
    country.claims.places = {"near": 1, "far": 1}
    await country.take([event(diagnosis())])
    declined = await country.decline()
    now = {"attempt": 3, "state": state}
    country.claims.has[UUID(int=1)] = country.claims.has[UUID(int=1)].model_copy(update=now)
    with pytest.raises(Conflict):
        await country.take([declined])
    assert country.state() is ReferralState.SUBMITTED


async def test_what_an_earlier_try_has_got_under_a_later_attempt_is_recorded(country: Country) -> None:
    country.claims.places = {"near": 1, "far": 1}
    await country.take([event(diagnosis())])
    declined = await country.decline()
    now = {"attempt": 3, "programme_id": "far"}
    country.claims.has[UUID(int=1)] = country.claims.has[UUID(int=1)].model_copy(update=now)
    await country.take([declined])
    one = country.referrals.known[UUID(int=1)].referral
    assert (one.state, one.attempt, one.programme_id) == (ReferralState.OFFERED, 3, "far")


async def test_a_decline_of_a_referral_that_is_not_known_is_refused(country: Country) -> None:
    country.claims.places = {"near": 1}
    await country.take([event(diagnosis())])
    declined = await country.decline()
    country.referrals.known.clear()
    assert isinstance(declined.data, OfferDeclinedV1)
    with pytest.raises(PermanentError, match="no referral"):
        await country.take([declined])
    assert country.referrals.known == {}


async def test_who_waits_joins_a_new_programme_first_in_rank_first(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_center, "JOINING", 2)
    country.registered(FAR)
    await country.take([event(diagnosis(number)) for number in (3, 1, 2)])
    await country.take([event(diagnosis(4, age_months=6))])
    country.registered(FAR, programme("near", settlement_id="home", age_from_months=36))
    await country.take([event(CenterRegisteredV1(center_id="center-near", version=1))])
    parts = [[one.referral_id.int for one in opening.waiting] for opening in country.claims.opened]
    assert parts == [[1, 2], [3]]
    assert {one.seen for one in country.claims.opened} == {country.referrals.data_version}
    assert country.referrals.queues[UUID(int=1), 1] == {"near", "far"}
    decided = country.referrals.decisions[UUID(int=1), 1]
    assert [one.programme_id for one in decided.candidates] == ["far"], "a decision is never rewritten"


async def test_a_center_without_programmes_opens_nothing(country: Country) -> None:
    await country.take([event(CenterRegisteredV1(center_id="nowhere", version=1))])
    assert country.claims.opened == []


async def test_figures_are_applied_as_the_registry_has_them_now(country: Country) -> None:
    country.registry.now = network([NEAR], figures=[figure("near", 7, version=3)])
    old = FigureSetV1(
        center_id="center-near", programme_id="near", places=2, suspended=False, confirmed_at=NOW, version=2,
        actor="center:c",
    )  # fmt: skip
    await country.take([event(old)])
    assert [(one.programme_id, one.places, one.version) for one in country.claims.opened] == [("near", 7, 3)]


async def test_a_batch_is_one_reading_and_one_transaction_whatever_is_in_it(country: Country) -> None:
    """One save: a conflict takes back all of it."""
    country.claims.places = {"near": 1, "far": 1}
    await country.take([event(diagnosis())])
    declined = await country.decline()
    saves = len(country.referrals.inbox)
    await country.take([declined, handed_over(9), event(diagnosis(2))])
    assert len(country.referrals.inbox) == saves + 2, "the early hand-over is not in the inbox"
    assert country.claims.calls == 3, "one claim a handler"
