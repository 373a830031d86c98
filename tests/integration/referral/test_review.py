"""Waiting children grow older, and programmes change: the queues are reviewed, and the rank is kept."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.contracts.vocabulary import ReferralState
from services.kit.errors import TransientError
from services.referral.domain.life import Command
from tests.integration.referral.country import Country, hand_overs, offers, programme_body

S, C = ReferralState, Command


async def test_a_child_who_grows_old_enough_for_a_free_place_gets_it(country: Country) -> None:
    await country.open("infants", places=0, age_under_months=37)
    await country.open("toddlers", places=1, age_from_months=36, settlement="far")
    await country.submit(1, age_months=35)
    assert await country.where(1) == (S.WAITING, None)
    assert await country.pass_time(days=30) == {}
    assert await country.pass_time(days=1) == {C.REVIEW: 1}
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "toddlers")
    assert await country.queue("infants") == []


async def test_who_grows_too_old_leaves_the_queue_and_keeps_the_rank_in_the_others(country: Country) -> None:
    await country.open("infants", places=0, age_under_months=36)
    await country.open("all", places=0, settlement="far")
    await country.submit(1, age_months=35)
    await country.submit(2, 3, age_months=20)
    assert await country.queue("infants") == [1, 2, 3]
    await country.pass_time(days=32)
    await country.deliver()
    assert await country.queue("infants") == [2, 3]
    assert await country.queue("all") == [1, 2, 3]
    story = await country.story(1)
    assert [one.command for one in story.history][-2:] == ["review", "wait"]
    assert story.attempt == 2


async def test_the_day_of_birth_counts(country: Country) -> None:
    """Born on the 4th, submitted on 2 March: 36 months on 4 March, and not a month after the submission."""
    await country.open("infants", places=0, age_under_months=36)
    await country.open("toddlers", places=1, age_from_months=36, settlement="far")
    await country.submit(1, age_months=35, birth_day=4)
    assert await country.pass_time(days=1, hours=9) == {}, "until 23:00 of the 3rd"
    assert await country.pass_time(hours=1) == {C.REVIEW: 1}
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "toddlers")


async def test_a_place_that_comes_free_on_the_birthday_before_the_review_goes_to_the_next_child(
    country: Country,
) -> None:
    await country.open("infants", places=0, age_under_months=36)
    await country.submit(1, age_months=35, birth_day=4)
    await country.submit(2, age_months=20, birth_day=4)
    country.clock.now += timedelta(days=2)
    await country.set_places("infants", 1)
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)
    assert await country.where(2) == (S.OFFERED, "infants")


async def test_who_may_go_nowhere_any_more_comes_to_the_operators(country: Country) -> None:
    await country.open("infants", places=0, age_under_months=36)
    await country.submit(1, age_months=35)
    await country.pass_time(days=32)
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)
    assert await country.queue("infants") == []


async def test_nothing_is_done_while_nothing_has_changed(country: Country) -> None:
    await country.open("all", places=0)
    await country.submit(1)
    before = (await country.loaded(1)).referral
    for _ in range(29):
        assert await country.pass_time(days=1) == {}
    after = (await country.loaded(1)).referral
    assert after.version == before.version == 1
    assert after.due_at == after.deadline_at == before.deadline_at
    assert await country.pass_time(days=2) == {C.ESCALATE: 1}


async def test_an_unplaceable_child_goes_to_the_center_that_opens_for_it(country: Country) -> None:
    await country.open("other", icd10_prefixes=["F84"])
    await country.submit(1, 2)
    assert await country.where(1) == (S.UNPLACEABLE, None)
    await country.register("near", programme_body("near", 1))
    assert offers(await country.deliver()) == [(1, "near")]
    assert await country.where(2) == (S.WAITING, None)
    for number in (1, 2):
        story = await country.story(number)
        assert story.escalation is None
        assert [one.command for one in story.history][:3] == ["set_aside", "review", "wait"]
        assert story.attempt == 2
        assert story.decision
        assert set(story.decision.excluded) == {"diagnosis"}
    assert await country.pass_time(days=1) == {}


@pytest.mark.parametrize("change", [{"icd10_prefixes": ["F84"]}, {"age_under_months": 12}, {"modality": "inpatient"}])
async def test_who_waits_for_a_programme_that_no_longer_accepts_it_goes_on(
    country: Country, change: dict[str, Any]
) -> None:
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")
    await country.submit(1, 2)
    await country.register("near", programme_body("near", 0, **change))
    await country.deliver()
    assert await country.pass_time(seconds=1) == {C.REVIEW: 2}
    await country.deliver()
    assert (await country.queue("near"), await country.queue("far")) == ([], [1, 2])
    assert await country.pass_time(days=1) == {}


async def test_a_place_handed_over_while_the_child_is_reviewed_is_given_to_the_next(country: Country) -> None:
    await country.open("infants", places=0, age_under_months=36)
    await country.open("all", places=0, settlement="far")
    await country.submit(1, age_months=35)
    await country.submit(2, age_months=20)
    assert await country.pass_time(days=31) == {C.ESCALATE: 1, C.REVIEW: 1}
    assert (await country.where(1))[0] is S.SUBMITTED
    await country.set_places("infants", 1)
    handed = await country.capacity_events()
    assert [one.data.referral_id.int for one in hand_overs(handed)] == [1]  # type: ignore[attr-defined]
    await country.handle(handed)
    assert (await country.where(1))[0] is S.SUBMITTED, "too old for it"
    assert offers(await country.deliver()) == [(2, "infants")]
    assert await country.queue("all") == [1]


@pytest.mark.parametrize("carried", [False, True], ids=["not carried", "carried before the child was routed"])
async def test_a_place_handed_over_while_the_child_is_reviewed_stays_its_own_where_it_is_still_welcome(
    country: Country, carried: bool
) -> None:
    await country.open("infants", places=0, age_under_months=36)
    await country.open("all", places=0, settlement="far")
    await country.submit(1, age_months=35)
    await country.submit(2, age_months=20)
    await country.pass_time(days=31)
    assert (await country.where(1))[0] is S.SUBMITTED
    await country.set_places("all", 1)
    if carried:
        await country.handle(await country.capacity_events())
        assert (await country.where(1))[0] is S.SUBMITTED
    assert offers(await country.deliver()) == [(1, "all")]
    assert (await country.story(1)).attempt == 2
    assert (await country.queue("infants"), await country.queue("all")) == ([2], [2])
    await country.decline(1)
    assert offers(await country.deliver()) == [(2, "all")], "what it declines goes to the next"


async def test_who_is_reviewed_goes_to_a_nearer_free_place_and_its_own_to_the_next(country: Country) -> None:
    await country.open("all", places=0, settlement="far")
    await country.submit(1, age_months=35)
    await country.submit(2, age_months=20)
    await country.open("toddlers", places=1, age_from_months=36)
    await country.pass_time(days=31)
    assert (await country.where(1))[0] is S.SUBMITTED
    await country.set_places("all", 1)
    assert sorted(offers(await country.deliver())) == [(1, "toddlers"), (2, "all")]


async def test_a_crash_amid_the_review_is_taken_up_again(country: Country) -> None:
    await country.open("infants", places=0, age_under_months=36)
    await country.open("all", places=0, settlement="far")
    await country.submit(1, age_months=35)
    country.clock.now += timedelta(days=32)
    sweep = country.service.sweep
    save = sweep.referrals.save

    async def crash(*_: object, **__: object) -> None:
        raise TransientError("crash")

    sweep.referrals.save = crash  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="crash"):
        await sweep(country.clock())
    sweep.referrals.save = save  # type: ignore[method-assign]
    assert await sweep(country.clock()) == {C.REVIEW: 1}
    await country.deliver()
    assert await country.queue("infants") == []


async def test_who_waits_for_30_days_comes_to_the_operators_also_when_its_programmes_changed(country: Country) -> None:
    await country.open("infants", places=0, age_under_months=36)
    await country.open("all", places=0, settlement="far")
    country.clock.now += timedelta(days=3)  # a month older before the deadline
    await country.submit(1, age_months=35)
    deadline = (await country.story(1)).deadline_at
    assert deadline
    await country.pass_time(days=29)
    await country.deliver()
    story = await country.story(1)
    assert ([one.command for one in story.history], story.deadline_at) == (["wait", "review", "wait"], deadline)
    await country.pass_time(days=2)
    assert (await country.story(1)).escalation == "waiting_long"


async def test_who_needs_an_operator_stays_on_the_worklist_through_a_review(country: Country) -> None:
    await country.open("infants", places=0, age_under_months=37)
    await country.open("all", places=0, settlement="far")
    await country.submit(1, age_months=35)
    await country.pass_time(days=31)
    escalated = await country.story(1)
    assert escalated.escalation == "waiting_long"
    for _ in range(31):
        await country.pass_time(days=1)
        await country.deliver()
    story = await country.story(1)
    assert "review" in [one.command for one in story.history]
    assert (story.escalation, story.escalated_at) == ("waiting_long", escalated.escalated_at)
    await country.set_places("all", 1)
    await country.deliver()
    assert (await country.story(1)).escalation is None


async def test_a_review_that_fails_keeps_no_other_child_from_a_deadline(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("near", places=1)
    await country.submit(1)
    await country.submit(2)

    def fail(*_: object) -> None:
        raise LookupError("a fault of ours")

    monkeypatch.setattr("services.referral.handlers.sweep.review", fail)
    await country.service.deadlines.review_now([UUID(int=2)], country.clock())
    assert (await country.pass_time(days=4))[C.EXPIRE] == 1
