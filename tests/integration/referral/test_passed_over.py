"""A center that let an offer expire is passed over for a time, or until it answers anything again; not for ever."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.errors import Conflict
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.domain.deadline_steps import deadline_step
from services.referral.domain.life import Command
from services.referral.domain.referral import Change
from services.referral.settings import ReferralSettings
from tests.integration.referral.country import Country, programme_body

S, C = ReferralState, Command
FRIDAY = datetime.fromisoformat("2026-03-06T18:00+05:00")
"""Monday the 9th is a day off, for the holiday of Sunday the 8th."""


async def expired(country: Country) -> None:
    """The center `near` has two places; 1 was not answered, and 2 has accepted."""
    await country.open("near", places=2)
    await country.submit(1, 2)
    await country.accept(2)
    assert await country.pass_time(days=3) == {C.EXPIRE: 1}
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)


async def test_an_urgent_offer_of_friday_evening_is_due_on_the_next_working_day(country: Country) -> None:
    country.clock.now = FRIDAY
    await country.open("near")
    await country.submit(1, priority="urgent")
    assert await country.pass_time(days=3) == {}
    assert await country.pass_time(hours=11) == {}
    assert await country.pass_time(hours=1) == {C.REMIND: 1}
    assert await country.pass_time(hours=11.9) == {}
    assert await country.pass_time(hours=0.1) == {C.EXPIRE: 1}


async def test_after_14_days_the_child_is_offered_to_the_center_again(country: Country) -> None:
    await expired(country)
    await country.pass_time(days=13, hours=23, minutes=59)
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)
    await country.pass_time(minutes=1)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "near")
    assert [one.state for one in (await country.loaded(1)).offers] == [OfferState.EXPIRED, OfferState.MADE]


async def test_a_waiting_child_joins_the_queue_of_a_center_that_is_passed_over_no_longer(country: Country) -> None:
    await country.open("far", places=0, settlement="far")
    await country.open("near", places=1)
    await country.submit(1, 2)
    await country.pass_time(days=3)
    await country.deliver()
    assert await country.where(2) == (S.OFFERED, "near")
    assert (await country.queue("near"), await country.queue("far")) == ([], [1])
    await country.accept(2)
    assert await country.pass_time(seconds=1) == {C.REVIEW: 1}
    await country.deliver()
    assert (await country.queue("near"), await country.queue("far")) == ([1], [1])


@pytest.mark.parametrize("command", [C.ACCEPT, C.DECLINE])
async def test_a_center_that_answers_anything_is_asked_again_at_once(country: Country, command: Command) -> None:
    await country.open("near", places=3)
    await country.submit(1)
    await country.pass_time(days=3)
    await country.deliver()
    await country.submit(2)
    await country.act(2, C.SEEN)
    assert await country.pass_time(seconds=1) == {}, "who has only seen an offer has not answered"
    await country.act(2, command, None if command is C.ACCEPT else "no_capacity")
    assert await country.pass_time(seconds=1) == {C.REVIEW: 1}
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "near")


async def test_an_answer_of_another_center_lifts_nothing(country: Country) -> None:
    await expired(country)
    await country.open("other", modality="inpatient")
    await country.submit(3, modalities=("inpatient",))
    await country.accept(3)
    assert await country.pass_time(seconds=1) == {}


async def test_another_programme_of_a_center_that_did_not_answer_is_passed_over_too(country: Country) -> None:
    await country.register("near", programme_body("a"), programme_body("b"))
    await country.deliver()
    await country.submit(1)
    await country.pass_time(days=3)
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)


async def test_offer_again_asks_the_center_at_once(country: Country) -> None:
    await expired(country)
    await country.act(1, C.OFFER_AGAIN)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "near")


async def test_offer_again_asks_the_center_at_once_also_for_a_child_that_waits_elsewhere(country: Country) -> None:
    await country.open("far", places=0, settlement="far")
    await country.open("near", places=2)
    await country.submit(1)
    await country.pass_time(days=3)
    await country.deliver()
    assert (await country.where(1), await country.queue("far")) == ((S.WAITING, None), [1])
    await country.act(1, C.OFFER_AGAIN)
    await country.deliver()
    assert (await country.where(1), await country.queue("far")) == ((S.OFFERED, "near"), [])


async def test_a_decline_is_for_ever_whatever_the_center_answers(country: Country) -> None:
    await country.open("near", places=2)
    await country.submit(1, 2)
    await country.decline(1)
    await country.deliver()
    await country.accept(2)
    await country.pass_time(days=60)
    await country.deliver()
    assert await country.where(1) == (S.UNPLACEABLE, None)


async def test_the_days_are_a_setting(country: Country, settings: ReferralSettings) -> None:
    assert ReferralSettings(**settings.model_dump() | {"pass_over_days": 2}).pass_over == timedelta(days=2)
    sweep = country.service.sweep
    assert sweep.pass_over == timedelta(days=14)
    country.service = replace(country.service, sweep=replace(sweep, pass_over=timedelta(days=2)))
    await expired(country)
    assert await country.pass_time(days=1, hours=23) == {}
    assert await country.pass_time(hours=1) == {C.REVIEW: 1}


async def test_a_decision_that_passes_over_a_center_is_void_when_it_answers_before_the_commit(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("near", places=2)
    await country.submit(1, 2)
    await country.accept(2)
    await country.pass_time(days=3)
    events, save = await country.own_events(), SqlReferrals.save

    async def save_after_an_answer(self: SqlReferrals, changes: Sequence[Change], **more: Any) -> None:
        monkeypatch.undo()
        await country.decline(2)
        await save(self, changes, **more)

    monkeypatch.setattr(SqlReferrals, "save", save_after_an_answer)
    with pytest.raises(Conflict, match="answers again"):
        await country.handle(events)
    await country.handle(events)
    assert await country.where(1) == (S.OFFERED, "near")


async def test_an_escalation_does_not_put_off_the_review_of_a_center_that_answers_meanwhile(country: Country) -> None:
    await expired(country)
    loaded = await country.loaded(1)
    await country.decline(2)
    assert loaded.referral.deadline_at
    step = deadline_step(loaded.referral, loaded.offers, loaded.referral.deadline_at)
    assert step
    with pytest.raises(Conflict, match="answers again"):
        await country.referrals.save([step])
