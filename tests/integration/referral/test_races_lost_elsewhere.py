"""Races that other systems have lost, each on real servers and forced: both have read before either commits.

The others of the same kind: accept against expire in test_deadlines.py, discharge twice in test_races.py, one child
submitted twice at once in intake's test_submitting.py, many claims for few places in capacity's test_race.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from services.contracts.events import PlaceHandedOverV1, PlaceHeldV1
from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.errors import TransientError
from services.kit.http.auth import Principal
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.bootstrap import ReferralService
from services.referral.domain.life import Command, IllegalTransition
from services.referral.handlers.act import Details
from tests.integration.referral.country import CONSUMER, Country, offers
from tests.unit.referral.samples import diagnosis, event

S, C = ReferralState, Command
ONE = UUID(int=1)
OPERATOR = Principal("o", frozenset({"operator"}), "")


def caller(center_id: str) -> Principal:
    return Principal("c", frozenset({"center"}), center_id)


def read_together(monkeypatch: pytest.MonkeyPatch, *readings: str) -> None:
    """The first call of each of these readings of the record returns only when all have read."""
    barrier, waiting = asyncio.Barrier(len(readings)), list(readings)

    def meeting(name: str, read: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def together(*arguments: Any) -> object:
            found = await read(*arguments)
            if name in waiting:
                waiting.remove(name)
                await barrier.wait()
            return found

        return together

    for name in set(readings):
        monkeypatch.setattr(SqlReferrals, name, meeting(name, getattr(SqlReferrals, name)))


async def until_it_passes(step: Callable[[], Awaitable[object]]) -> object:
    """As the worker does: a lost race is run again."""
    while True:
        try:
            return await step()
        except TransientError:
            await asyncio.sleep(0)


async def test_two_who_both_saw_the_last_place_get_it_once(
    country: Country, others: list[ReferralService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CARE v3 counted a slot's bookings before it took the lock, and wrote behind it: two could have the last one."""
    await country.open("near", places=1)
    read_together(monkeypatch, "load_batch", "load_batch")
    await asyncio.gather(
        *(
            until_it_passes(lambda one=one, number=number: one.reactions(CONSUMER, [event(diagnosis(number))]))  # type: ignore[misc]
            for number, one in enumerate(others, 1)
        )
    )
    assert sorted([(await country.where(number))[0] for number in (1, 2)]) == [S.OFFERED, S.WAITING]
    assert await country.figures() == {"near": (1, 1, 1)}


async def test_a_center_that_read_its_offer_before_it_moved_on_cannot_accept_it(
    country: Country, others: list[ReferralService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read, then update whatever is there by now: elsewhere two centers have accepted one referral like this."""
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    read, goes_on, load = asyncio.Event(), asyncio.Event(), SqlReferrals.load

    async def slow(self: SqlReferrals, referral_id: UUID) -> object:
        found = await load(self, referral_id)
        if not read.is_set():
            read.set()
            await goes_on.wait()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(SqlReferrals, "load", slow)
        late = asyncio.create_task(others[0].act(ONE, C.ACCEPT, caller("near")))
        await read.wait()
        await country.pass_time(days=3)
        await country.deliver()
        await others[1].act(ONE, C.ACCEPT, caller("far"))
        goes_on.set()
        with pytest.raises(IllegalTransition):
            await late
    loaded = await country.loaded(1)
    assert (loaded.referral.state, loaded.referral.center_id) == (S.ACCEPTED, "far")
    assert [(one.programme_id, one.state) for one in loaded.offers] == [
        ("near", OfferState.EXPIRED), ("far", OfferState.ACCEPTED),
    ]  # fmt: skip
    assert await country.figures() == {"near": (1, 0, 0), "far": (1, 1, 0)}


async def test_a_cancellation_and_a_hand_over_that_both_read_the_waiting_leave_no_place_behind(
    country: Country, others: list[ReferralService], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place that was on its way to the child that leaves goes to the next, and not to nobody."""
    await country.open("near", places=0)
    await country.submit(1, 2)
    await country.set_places("near", 1)
    handed = await country.capacity_events()
    read_together(monkeypatch, "load_batch", "load")
    await asyncio.gather(
        until_it_passes(lambda: others[0].reactions(CONSUMER, handed)),
        others[1].act(ONE, C.CANCEL, OPERATOR, Details("other")),
    )
    assert offers(await country.deliver())[-1] == (2, "near")
    assert [await country.where(number) for number in (1, 2)] == [(S.CANCELLED, None), (S.OFFERED, "near")]
    assert await country.figures() == {"near": (1, 1, 0)}


async def test_a_center_that_resizes_while_children_claim_gives_no_place_that_it_has_not(
    country: Country, others: list[ReferralService]
) -> None:
    """A figure that is read, and written back with one less, undoes a resize, or gives a place that was taken away."""
    await country.open("near", places=4)
    await country.deliver()

    async def claim(one: ReferralService, number: int) -> None:
        await until_it_passes(lambda: one.reactions(CONSUMER, [event(diagnosis(number))]))

    for number, wanted in enumerate((1, 6, 0, 3, 9, 2, 12, 4, 0, 15), 1):
        await asyncio.gather(
            claim(others[0], number), country.set_places("near", wanted), claim(others[1], 10 + number)
        )
        ((places, held, waiting),) = (await country.figures()).values()
        assert places == wanted
        assert held >= places or not waiting, f"{places - held} places are free while {waiting} wait"
    steps = await country.capacity_events()
    given = [one.data for one in steps if isinstance(one.data, PlaceHeldV1 | PlaceHandedOverV1)]
    assert all(one.held <= one.places for one in given)
    await until_it_passes(lambda: country.handle(steps))
    assert await country.figures() == {"near": (15, 15, 5)}
    assert len(given) == 15
