"""Deadlines on a real database: what passes by itself, in the right order, also with two sweepers and after a crash."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from services.contracts.events import OfferExpiredV1, OfferReminderDueV1
from services.contracts.vocabulary import OfferState, Priority, ReferralState
from services.kit.errors import Conflict, TransientError
from services.kit.sql.database import Database
from services.referral.adapters.sql_deadlines import SqlDeadlines
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.tables import ReferralRow
from services.referral.bootstrap import ReferralService
from services.referral.domain.deadline_steps import deadline_step
from services.referral.domain.life import Command
from services.referral.domain.referral import Change, Referral
from tests.integration.referral.country import Country, offers

S, C = ReferralState, Command


async def test_an_offer_is_reminded_then_expires_and_the_child_goes_on_by_itself(country: Country) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    assert await country.pass_time(hours=35) == {}
    assert await country.pass_time(hours=1) == {C.REMIND: 1}
    assert await country.pass_time(hours=35) == {}
    assert await country.pass_time(hours=1) == {C.EXPIRE: 1}
    carried = await country.deliver()
    assert {OfferReminderDueV1, OfferExpiredV1} <= {type(one.data) for one in carried}
    assert await country.where(1) == (S.OFFERED, "far")
    assert await country.figures() == {"near": (1, 0, 0), "far": (1, 1, 0)}
    assert [one.state for one in (await country.loaded(1)).offers] == [OfferState.EXPIRED, OfferState.MADE]
    assert [one.actor for one in (await country.story(1)).history] == ["router", "steward", "steward", "router"]


async def test_an_urgent_offer_expires_after_a_day(country: Country) -> None:
    await country.open("near", places=2)
    await country.submit(1, priority=Priority.URGENT)
    await country.submit(2)
    assert await country.pass_time(hours=12) == {C.REMIND: 1}
    assert await country.pass_time(hours=12) == {C.EXPIRE: 1}
    assert await country.where(2) == (S.OFFERED, "near")


async def test_an_expired_child_keeps_its_turn(country: Country) -> None:
    await country.open("near")
    await country.open("far", places=0, settlement="far")
    await country.submit(1)
    await country.submit(2, 3)
    await country.pass_time(days=3)
    await country.deliver()
    assert await country.where(2) == (S.OFFERED, "near")
    assert await country.queue("far") == [1, 3]


async def test_who_answered_in_time_is_left_alone(country: Country) -> None:
    await country.open("near", places=2)
    await country.submit(1, 2)
    await country.accept(1)
    await country.act(2, C.WITHDRAW)
    assert await country.pass_time(days=4) == {}


async def test_each_state_that_stands_still_comes_to_the_operators_and_stays_where_it_is(country: Country) -> None:
    await country.open("near", places=3)
    await country.submit(1, 2, 3)
    await country.open("full", places=0, modality="inpatient")
    await country.submit(4, modalities=("inpatient",))
    await country.accept(1)
    await country.admit(2)
    await country.accept(3)
    await country.act(3, C.NO_SHOW, "other")
    await country.deliver()
    assert await country.pass_time(days=8) == {C.ESCALATE: 1}
    assert await country.pass_time(days=7) == {C.ESCALATE: 1}
    assert await country.pass_time(days=25) == {C.ESCALATE: 4}
    stories = [await country.story(number) for number in (1, 2, 3, 4)]
    assert [(one.state, one.escalation) for one in stories] == [
        (S.ACCEPTED, "not_admitted"), (S.ADMITTED, "not_discharged"), (S.NO_SHOW, "not_offered_again"),
        (S.WAITING, "waiting_long"),
    ]  # fmt: skip
    assert all(one.deadline_at and one.deadline_at > country.clock() for one in stories)
    assert await country.queue("full") == [4]


async def test_an_admission_on_time_takes_the_referral_off_the_worklist(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    await country.accept(1)
    await country.pass_time(days=20)
    assert (await country.story(1)).escalation == "not_admitted"
    await country.act(1, C.ADMIT)
    story = await country.story(1)
    assert (story.escalation, story.escalated_at) == (None, None)


async def test_a_clock_put_ahead_loses_nobody_and_put_back_does_nothing(country: Country) -> None:
    await country.open("near", places=5)
    await country.submit(*range(1, 6))
    assert await country.pass_time(days=3650) == {C.EXPIRE: 5}
    assert await country.pass_time(days=-3650) == {}
    await country.deliver()
    assert [(await country.where(n))[0] for n in range(1, 6)] == [S.UNPLACEABLE] * 5
    assert await country.figures() == {"near": (5, 0, 0)}


async def test_a_deadline_in_small_batches_is_kept_for_everybody(country: Country) -> None:
    await country.open("near", places=7)
    await country.submit(*range(1, 8))
    country.clock.now += timedelta(days=3)
    service = country.service
    assert await replace(service.sweep, batch=2)(country.clock()) == {C.EXPIRE: 7}
    assert await service.sweep(country.clock()) == {}


async def test_two_sweeps_at_once_that_no_lease_keeps_apart_take_each_step_once(
    country: Country, others: list[ReferralService]
) -> None:
    await country.open("near", places=50)
    await country.submit(*range(1, 51))
    country.clock.now += timedelta(days=3)
    now = country.clock()
    small = [replace(one.sweep, batch=7, may_go_on=always) for one in (*others, *others)]
    taken = await asyncio.gather(*(sweep(now) for sweep in small))
    assert sum(map(Counter, filter(None, taken)), Counter()) == {C.EXPIRE: 50}
    told = [one for one in await country.own_events() if isinstance(one.data, OfferExpiredV1)]
    assert len(told) == len({one.envelope.subject for one in told}) == 50


async def always() -> bool:
    return True


async def test_of_three_workers_that_sweep_at_once_one_does_and_saves_what_one_alone_would(
    country: Country, others: list[ReferralService], monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("near", places=400)
    await country.submit(*range(1, 401))
    country.clock.now += timedelta(days=3)
    now, saves, save = country.clock(), Counter[str](), SqlReferrals.save

    async def counted(self: SqlReferrals, changes: Sequence[Change], **more: Any) -> None:
        try:
            await save(self, changes, **more)
            saves["saved"] += 1
        except Conflict:
            saves["conflict"] += 1
            raise

    monkeypatch.setattr(SqlReferrals, "save", counted)
    taken = await asyncio.gather(*(replace(one.sweep, batch=100)(now) for one in (country.service, *others)))
    assert [one for one in taken if one] == [{C.EXPIRE: 400}]
    assert saves == {"saved": 4}


async def test_a_sweep_whose_lease_was_taken_over_stops_and_the_other_goes_on(
    country: Country, others: list[ReferralService]
) -> None:
    await country.open("near", places=6)
    await country.submit(*range(1, 7))
    country.clock.now += timedelta(days=3)
    asked = iter([True, False])

    async def may_go_on() -> bool:
        return next(asked)

    assert await replace(country.service.sweep, batch=2, may_go_on=may_go_on)(country.clock()) is None
    assert await others[0].sweep(country.clock()) == {C.EXPIRE: 4}


async def test_a_sweep_that_is_cut_off_is_taken_up_by_the_next(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("near", places=6)
    await country.submit(*range(1, 7))
    country.clock.now += timedelta(days=3)
    sweep = replace(country.service.sweep, batch=2)
    saved, save = [], type(sweep.referrals).save

    async def die_at_the_second(self: object, changes: list[object], **more: object) -> None:
        saved.append(len(changes))
        if len(saved) == 2:
            raise TransientError("killed")
        await save(self, changes, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(type(sweep.referrals), "save", die_at_the_second)
    with pytest.raises(TransientError, match="killed"):
        await sweep(country.clock())
    monkeypatch.undo()
    assert await sweep(country.clock()) == {C.EXPIRE: 4}
    assert sum(isinstance(one.data, OfferExpiredV1) for one in await country.own_events()) == 6


async def test_accept_against_expire_at_the_same_instant_one_wins_and_the_place_is_right(
    country: Country, others: list[ReferralService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have read the offer before either commits."""
    await country.open("near")
    await country.submit(1)
    country.clock.now += timedelta(days=3)
    barrier, due, load = asyncio.Barrier(2), SqlDeadlines.due, type(country.referrals).load
    met: list[str] = []

    async def due_together(self: SqlDeadlines, *args: object) -> object:
        found = await due(self, *args)  # type: ignore[arg-type]
        return await _meet("sweep", found)

    async def load_together(self: object, id: UUID) -> object:
        found = await load(self, id)  # type: ignore[arg-type]
        return await _meet("accept", found)

    async def _meet(who: str, found: object) -> object:
        if who not in met:
            met.append(who)
            await barrier.wait()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(SqlDeadlines, "due", due_together)
        patch.setattr(type(country.referrals), "load", load_together)
        accepted, swept = await asyncio.gather(
            country.accept(1), others[0].sweep(country.clock()), return_exceptions=True
        )
    await country.deliver()
    if swept:
        assert repr(accepted).startswith("IllegalTransition")
        assert await country.where(1) == (S.UNPLACEABLE, None)
        assert await country.figures() == {"near": (1, 0, 0)}
    else:
        assert accepted is None
        assert await country.where(1) == (S.ACCEPTED, "near")
        assert await country.figures() == {"near": (1, 1, 0)}


async def test_whoever_has_no_deadline_or_no_owner_would_be_found(country: Country) -> None:
    await country.open("near", places=4)
    await country.submit(1, 2, 3, 4)
    await country.act(4, C.WITHDRAW)
    deadlines = country.service.deadlines
    assert await deadlines.lost() == []
    for number, field in ((1, "deadline_at"), (2, "due_at"), (3, "center_id")):
        await _lose(country.service.database, number, field)
    assert await deadlines.lost() == [UUID(int=number) for number in (1, 2, 3)]


async def _lose(database: Database, number: int, field: str) -> None:
    table = ReferralRow.__table__  # type: ignore[attr-defined]
    change = update(table).where(table.c.id == str(UUID(int=number))).values({field: None})
    await database.write(lambda session: session.execute(change))


async def test_the_next_deadlines_of_two_who_are_due_together_are_in_order(country: Country) -> None:
    await country.open("near", places=3)
    await country.submit(3, 1, 2)
    now = country.clock() + timedelta(days=3)
    found = await country.service.deadlines.due(now, None, 2)
    first, second = [(one.referral.due_at, one.referral.id) for one in found]
    assert first[0]
    assert second[0]
    rest = await country.service.deadlines.due(now, (second[0], second[1]), 2)
    assert sorted(one.referral.id.int for one in [*found, *rest]) == [1, 2, 3]
    assert await country.service.deadlines.due(now - timedelta(days=9), None, 2) == []


async def test_a_reminder_changes_nothing_else(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    before = (await country.loaded(1)).referral
    await country.pass_time(hours=36)
    after = (await country.loaded(1)).referral
    assert after == replace(before, version=2, due_at=before.deadline_at)
    assert offers(await country.deliver())[-1] == (1, "near")
    assert await country.figures() == {"near": (1, 1, 0)}


async def test_a_referral_that_can_take_no_step_keeps_no_other_waiting(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("near", places=3)
    await country.submit(1, 2, 3)

    def keep_but_one(before: Referral, *rest: Any) -> Change | None:
        if before.id.int == 2:
            raise LookupError("a fault of ours")
        return deadline_step(before, *rest)

    monkeypatch.setattr("services.referral.handlers.sweep.deadline_step", keep_but_one)
    assert await country.pass_time(hours=73) == {C.EXPIRE: 2}
    monkeypatch.undo()
    assert await country.pass_time(seconds=1) == {C.EXPIRE: 1}
