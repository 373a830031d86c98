"""A suspended programme gives no places for now: its queue is kept, and is joined."""

from services.contracts.vocabulary import ReferralState
from tests.integration.referral.country import Country, hand_overs, offers, programme_body

S = ReferralState


async def test_a_free_place_of_a_suspended_programme_is_passed_over_for_a_farther_one(country: Country) -> None:
    await country.open("near", places=2)
    await country.open("far", places=1, settlement="far")
    await country.set_places("near", 2, suspended=True)
    await country.deliver()
    await country.submit(1, 2)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "far")
    assert await country.queue("near") == [2]
    decision = (await country.story(1)).decision
    assert decision
    found = [(one.programme_id, one.free, one.suspended, one.chosen) for one in decision.candidates]
    assert found == [("near", 0, True, False), ("far", 1, False, True)]


async def test_who_was_submitted_while_it_was_suspended_goes_by_rank_when_it_resumes(country: Country) -> None:
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")
    await country.submit(1)
    await country.set_places("near", 0, suspended=True)
    await country.deliver()
    await country.submit(2, priority="urgent")
    await country.deliver()
    assert await country.queue("near") == [2, 1]
    await country.set_places("near", 1, suspended=False)
    assert [one.data.referral_id.int for one in hand_overs(await country.capacity_events())] == [2]  # type: ignore[attr-defined]


async def test_a_child_reviewed_while_it_is_suspended_keeps_the_rank(country: Country) -> None:
    await country.open("near", places=0)
    await country.open("infants", places=0, settlement="far", age_under_months=36)
    await country.submit(1, age_months=35)
    await country.submit(2, age_months=20)
    await country.set_places("near", 1, suspended=True)
    await country.deliver()
    await country.pass_time(days=32)
    await country.deliver()
    assert (await country.queue("near"), await country.queue("infants")) == ([1, 2], [2])
    await country.set_places("near", 1, suspended=False)
    assert offers(await country.deliver()) == [(1, "near")]


async def test_a_child_whom_only_a_suspended_programme_accepts_waits_for_it(country: Country) -> None:
    await country.open("near", places=1, suspended=True)
    await country.submit(1)
    assert await country.where(1) == (S.WAITING, None)
    decision = (await country.story(1)).decision
    assert decision
    assert [(one.programme_id, one.free, one.suspended) for one in decision.candidates] == [("near", 0, True)]
    await country.set_places("near", 1, suspended=False)
    assert offers(await country.deliver()) == [(1, "near")]


async def test_a_center_that_opens_suspended_is_joined_and_gives_nothing(country: Country) -> None:
    await country.open("far", places=0, settlement="far")
    await country.submit(1, 2)
    await country.register("near", programme_body("near", 2, suspended=True))
    await country.deliver()
    assert await country.queue("near") == [1, 2]
    await country.set_places("near", 2, suspended=False)
    assert offers(await country.deliver()) == [(1, "near"), (2, "near")]


async def test_who_declines_elsewhere_still_waits_where_it_is_suspended(country: Country) -> None:
    await country.open("far", places=1, settlement="far")
    await country.open("near", places=1, suspended=True)
    await country.submit(1)
    assert await country.where(1) == (S.OFFERED, "far")
    await country.decline(1)
    await country.deliver()
    assert await country.queue("near") == [1]
