"""A center opens, or its entry changes: the children whom it accepts now come by rank, whatever their state."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from services.contracts.events import Event, FigureSetV1
from services.contracts.vocabulary import ReferralState
from services.kit.errors import Conflict, TransientError
from services.referral.bootstrap import bootstrap
from services.referral.domain.life import Command
from tests.integration.referral.country import Country, offers, programme_body

S, C = ReferralState, Command


@pytest.mark.parametrize("known", [False, True])
async def test_an_unplaceable_child_is_not_overtaken_where_it_is_accepted_now(country: Country, known: bool) -> None:
    await country.open("far", places=0, settlement="far")
    if known:
        await country.open("near", places=1, age_from_months=120)
    await country.submit(1, max_distance_km=200.0)
    country.clock.now += timedelta(days=3)
    await country.submit(2, submitted_at=country.clock())
    await country.submit(3, max_distance_km=200.0, submitted_at=country.clock())
    await country.deliver()
    assert [(await country.where(number))[0] for number in (1, 2, 3)] == [S.UNPLACEABLE, S.WAITING, S.UNPLACEABLE]
    await country.register("near", programme_body("near", 1))
    assert offers(await country.deliver()) == [(1, "near")]
    assert (await country.queue("near"), await country.queue("far")) == ([2, 3], [2])


class TestWhileTheEntrysEventIsOnItsWay:
    """A place is given to those who waited for it first, whatever the worker comes to before the center's event."""

    async def test_a_figure_that_comes_before_the_entry_gives_no_place_yet(self, country: Country) -> None:
        await country.open("far", places=0, settlement="far")
        await country.open("near", places=0, age_from_months=120)
        await country.submit(1)
        await country.deliver()
        await country.register("near", programme_body("near", 1))
        events = await country.own_events()
        await country.handle([one for one in events if isinstance(one.data, FigureSetV1)])
        rest = [one for one in events if not isinstance(one.data, FigureSetV1)]
        assert await _after_a_later_child(country, rest) == ((S.OFFERED, "near"), (S.WAITING, None))

    async def test_a_repeated_batch_gives_no_place_at_a_new_center(
        self, country: Country, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await country.open("far", places=0, settlement="far")
        await country.submit(1)
        await country.deliver()
        country.clock.now += timedelta(days=3)

        await _submit_cut_off(country, monkeypatch, 2)
        await country.register("near", programme_body("near", 1))
        events = await country.own_events()
        assert await _after_a_later_child(country, events) == ((S.OFFERED, "near"), (S.WAITING, None))


async def _submit_cut_off(country: Country, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Capacity is asked for a place, and the record is not saved."""

    async def cut_off(*_: object, **__: object) -> None:
        raise TransientError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr(country.service.reactions.referrals, "save", cut_off)
        with pytest.raises(TransientError):
            await country.submit(number, submitted_at=country.clock())


Place = tuple[ReferralState, str | None]


async def _after_a_later_child(country: Country, events: Sequence[Event]) -> tuple[Place, Place]:
    """Where children 1 and 2 are once `events` were handled; 2 was submitted three days later, and before them."""
    country.clock.now += timedelta(days=3)
    await country.submit(2, submitted_at=country.clock())
    await country.handle(events)
    await country.deliver()
    return await country.where(1), await country.where(2)


async def test_a_place_claimed_at_a_programme_that_closed_before_the_commit_is_claimed_elsewhere(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("near", places=1)
    await country.open("far", places=1, settlement="far")

    await _submit_cut_off(country, monkeypatch, 1)
    await country.register("near")
    await country.deliver()
    await country.submit(1)
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "far")
    assert {name: held for name, (_, held, _) in (await country.figures()).items()} == {"near": 0, "far": 1}


@pytest.mark.parametrize("entry", [(), (("near", 0, {"age_from_months": 120}),)], ids=["closed", "for others"])
async def test_nobody_is_left_in_a_queue_whose_programme_closed_before_the_commit(
    country: Country, monkeypatch: pytest.MonkeyPatch, entry: tuple[Any, ...]
) -> None:
    """Its event was handled in between, when the record did not know the child there."""
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")

    await _submit_cut_off(country, monkeypatch, 1)
    await country.register("near", *(programme_body(id, places, **more) for id, places, more in entry))
    await country.deliver()
    await country.submit(1)
    await country.deliver()
    assert await country.where(1) == (S.WAITING, None)
    assert (await country.queue("near"), await country.queue("far")) == ([], [1])


async def test_a_place_that_came_free_before_the_commit_is_the_childs_who_waited_for_it_first(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although one of the other queues, which it joined by the try that was cut off, has closed."""
    await country.open("near", places=0)
    await country.open("far", places=0, settlement="far")

    await _submit_cut_off(country, monkeypatch, 1)
    country.clock.now += timedelta(days=3)
    await country.submit(2, submitted_at=country.clock())
    await country.register("near")
    await country.set_places("far", 1)
    await country.handle(await country.own_events())
    await country.submit(1)
    await country.deliver()
    assert [await country.where(number) for number in (1, 2)] == [(S.OFFERED, "far"), (S.WAITING, None)]


async def test_readings_of_the_network_at_the_same_time_lose_no_figure(country: Country) -> None:
    for number in range(30):
        await country.open(f"center-{number}")
    for _ in range(20):
        async with bootstrap(country.service.settings, clock=country.clock) as fresh:
            await asyncio.gather(*(fresh.registry.network() for _ in range(4)))
            assert len((await fresh.registry.network()).figures) == 30


async def test_a_waiting_child_whom_one_center_declined_joins_the_next_that_opens(country: Country) -> None:
    await country.open("far", places=0, settlement="far")
    await country.open("near", places=1)
    await country.submit(1)
    await country.decline(1)
    await country.deliver()
    assert (await country.queue("near"), await country.queue("far")) == ([], [1])
    await country.register("new", programme_body("new", 0))
    await country.register("near", programme_body("near", 1, course_days=14))
    await country.deliver()
    assert (await country.queue("near"), await country.queue("new")) == ([], [1])


async def test_a_crash_before_the_first_place_is_given_costs_no_unplaceable_child_the_rank(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    await country.open("other", icd10_prefixes=["F84"])
    await country.submit(1, 2)
    await country.register("near", programme_body("near", 1))
    events = await country.own_events()

    async def crash(*_: object) -> None:
        raise TransientError("crash")

    with monkeypatch.context() as patch:
        patch.setattr(country.service.reactions.open_center.claims, "open_programme", crash)
        with pytest.raises(TransientError, match="crash"):
            await country.handle(events)
    await country.handle(events)
    assert offers(await country.deliver()) == [(1, "near")]
    assert await country.queue("near") == [2]


async def test_a_child_whom_others_accept_as_well_is_reviewed(country: Country) -> None:
    await country.open("toddlers", places=0, age_from_months=36, settlement="far")
    await country.submit(1, age_months=35)
    country.clock.now += timedelta(days=31)
    await country.register("near", programme_body("near", 0))
    await country.deliver()
    assert (await country.queue("near"), await country.queue("toddlers")) == ([1], [])
    assert await country.pass_time(seconds=1) == {C.REVIEW: 1}
    await country.deliver()
    assert (await country.queue("near"), await country.queue("toddlers")) == ([1], [1])


async def test_a_child_found_unplaceable_while_a_center_opens_is_routed_again(country: Country) -> None:
    await country.open("other", icd10_prefixes=["F84"])
    referrals = country.service.reactions.referrals
    save = referrals.save

    async def late(*args: Any, **more: Any) -> None:
        referrals.save = save  # type: ignore[method-assign]
        await country.register("near", programme_body("near", 1))
        await country.deliver()
        await save(*args, **more)

    referrals.save = late  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        await country.submit(1)
    await country.submit(1)
    assert await country.where(1) == (S.OFFERED, "near")


async def test_a_repeated_event_of_a_center_opens_it_once(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    await country.open("near", places=0)
    await country.submit(1)
    await country.register("near", programme_body("near", 0, course_days=14))
    events, queues = await country.own_events(), country.service.reactions.open_center.queues
    unplaced, readings = queues.unplaced, 0

    async def counted(*args: Any) -> Any:
        nonlocal readings
        readings += 1
        return await unplaced(*args)

    monkeypatch.setattr(queues, "unplaced", counted)
    for _ in range(3):
        await country.handle(events)
    assert readings == 1
