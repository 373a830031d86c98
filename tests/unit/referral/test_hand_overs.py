"""Places that capacity handed over, on fakes: offered, too early, or to nobody."""

from uuid import UUID

from services.contracts.claims import DataVersion
from services.contracts.vocabulary import ReferralState
from services.referral.domain.life import Command
from tests.unit.referral.handlers import FAR, Country, handed_over
from tests.unit.referral.samples import diagnosis, event


async def test_a_handed_over_place_is_offered_and_tells_how_far_capacity_has_come(country: Country) -> None:
    await country.take([event(diagnosis())])
    await country.take([handed_over(1, sequence=70)])
    assert country.state() is ReferralState.OFFERED
    assert country.referrals.saved[-1].entry.command is Command.HAND_OVER
    assert country.referrals.data_version == DataVersion(epoch="1", sequence=70)


async def test_a_hand_over_before_its_waiting_is_recorded_comes_early_and_the_others_go_on(country: Country) -> None:
    await country.take([event(diagnosis(1))])
    batch = [handed_over(2, "far"), handed_over(1)]
    assert await country.take(batch) == {batch[0].envelope.id}
    assert country.state(1) is ReferralState.OFFERED
    await country.take([event(diagnosis(2))])
    assert await country.take(batch) == frozenset()
    assert country.state(2) is ReferralState.OFFERED


async def test_a_hand_over_of_a_programme_that_was_closed_sends_the_child_back_to_the_router(country: Country) -> None:
    await country.take([event(diagnosis())])
    country.registered(FAR)
    await country.take([handed_over(1)])
    assert country.state() is ReferralState.SUBMITTED
    await country.take([event(country.referrals.saved[-1].event)])
    assert country.claims.queues["far"] == [UUID(int=1)]
    assert country.claims.queues["near"] == []


async def test_a_hand_over_to_who_waits_no_more_under_that_attempt_is_passed_over(country: Country) -> None:
    country.claims.places = {"near": 1}
    await country.take([event(diagnosis())])
    await country.take([handed_over(1, "far")])
    assert country.referrals.known[UUID(int=1)].referral.programme_id == "near"
    assert len(country.referrals.saved) == 1


async def test_two_hand_overs_of_one_waiting_make_one_offer(country: Country) -> None:
    await country.take([event(diagnosis())])
    await country.take([handed_over(1, sequence=70), handed_over(1, "far", sequence=71)])
    assert len(country.referrals.known[UUID(int=1)].offers) == 1
