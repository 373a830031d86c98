"""Places that capacity handed over, on fakes: offered, too early, or to nobody."""

from typing import Any
from uuid import UUID

import pytest

from services.contracts.claims import DataVersion
from services.contracts.vocabulary import ClaimState, ReferralState
from services.kit.errors import PermanentError, TransientError
from services.referral.domain.life import Command
from tests.unit.referral.handlers import FAR, Country, handed_over
from tests.unit.referral.samples import diagnosis, event


async def test_a_handed_over_place_is_offered_and_tells_how_far_capacity_has_come(country: Country) -> None:
    await country.take([event(diagnosis())])
    await country.take([country.hand_over(1)])
    assert country.state() is ReferralState.OFFERED
    assert country.referrals.saved[-1].entry.command is Command.HAND_OVER
    assert country.referrals.data_version == DataVersion(epoch="1", sequence=country.claims.sequence)


async def test_a_hand_over_before_its_waiting_is_recorded_comes_early_and_the_others_go_on(country: Country) -> None:
    await country.take([event(diagnosis(1))])
    batch = [handed_over(2, "far"), country.hand_over(1)]
    assert await country.take(batch) == {batch[0].envelope.id}
    assert country.state(1) is ReferralState.OFFERED
    await country.take([event(diagnosis(2))])
    country.hand_over(2, "far")
    assert await country.take(batch) == frozenset()
    assert country.state(2) is ReferralState.OFFERED


async def test_a_hand_over_of_a_programme_that_was_closed_sends_the_child_back_to_the_router(country: Country) -> None:
    await country.take([event(diagnosis())])
    country.registered(FAR)
    country.claims.places["near"] = 0
    await country.take([country.hand_over(1)])
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


async def test_a_hand_over_that_capacity_does_not_know_offers_nothing_and_is_refused(country: Country) -> None:
    await country.take([event(diagnosis())])
    with pytest.raises(PermanentError, match="capacity has not handed a place of near to this referral"):
        await country.take([handed_over(1)])
    country.hand_over(1, "far")
    with pytest.raises(PermanentError, match="capacity has not handed a place of near to this referral"):
        await country.take([handed_over(1)])
    assert country.state() is ReferralState.WAITING


@pytest.mark.parametrize("claim", [{"attempt": 2}, {"state": ClaimState.NONE}])
async def test_a_hand_over_that_capacity_has_gone_on_from_comes_early(country: Country, claim: dict[str, Any]) -> None:
    await country.take([event(diagnosis())])
    known = country.claims.has
    known[UUID(int=1)] = known[UUID(int=1)].model_copy(update=claim)
    given = handed_over(1)
    assert await country.take([given]) == {given.envelope.id}
    assert country.state() is ReferralState.WAITING


async def test_a_step_that_capacity_has_not_come_to_waits_for_it_and_rebuilds_nothing(country: Country) -> None:
    await country.take([event(diagnosis())])
    before = country.referrals.data_version
    ahead = handed_over(1, sequence=10**9)
    assert await country.take([ahead]) == {ahead.envelope.id}
    assert (country.state(), country.referrals.data_version) == (ReferralState.WAITING, before)


async def test_a_hand_over_is_tried_again_while_capacity_does_not_answer(country: Country) -> None:
    await country.take([event(diagnosis())])
    given = country.hand_over(1)
    country.claims.down = True
    with pytest.raises(TransientError):
        await country.take([given])
    country.claims.down = False
    await country.take([given])
    assert country.state() is ReferralState.OFFERED
