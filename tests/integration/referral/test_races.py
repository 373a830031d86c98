"""Two who meet on one referral: one wins, the other sees what became of it. On a real database, at the same instant."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from services.contracts.events import Event
from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.errors import Conflict, TransientError
from services.kit.http.auth import Principal
from services.kit.versions import ANYTHING, Expected, VersionMoved
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.bootstrap import ReferralService
from services.referral.domain.life import Command, IllegalTransition, OfferEnded
from services.referral.domain.referral import ReferralWithOffers
from services.referral.entrypoints.center_schemas import CenterBody, registration_of
from services.referral.handlers.act import Details, UnknownReferral
from tests.integration.referral.country import CONSUMER, Country, center_body, offers, programme_body
from tests.unit.referral.samples import diagnosis, event

ONE = UUID(int=1)
OPERATOR = Principal("o", frozenset({"operator"}), "")
VERSION_1 = Expected(frozenset({1}))


def caller(center_id: str) -> Principal:
    return Principal("c", frozenset({"center"}), center_id)


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two who load a referral both have it before either goes on: a check before, and a commit after."""
    barrier, load = asyncio.Barrier(2), SqlReferrals.load
    met: set[asyncio.Task[object] | None] = set()

    async def load_together(self: SqlReferrals, referral_id: UUID) -> ReferralWithOffers | None:
        found = await load(self, referral_id)
        if len(met) < 2 and asyncio.current_task() not in met:
            met.add(asyncio.current_task())
            await barrier.wait()
        return found

    monkeypatch.setattr(SqlReferrals, "load", load_together)


@pytest.mark.usefixtures("together")
async def test_accept_and_decline_at_once_one_wins_and_the_other_is_told(
    country: Country, others: list[ReferralService]
) -> None:
    await country.open("near")
    await country.submit(1)
    results = await asyncio.gather(
        others[0].act(ONE, Command.ACCEPT, caller("near"), expected=VERSION_1),
        others[1].act(ONE, Command.DECLINE, caller("near"), Details("other"), expected=VERSION_1),
        return_exceptions=True,
    )
    won, lost = sorted(results, key=lambda one: isinstance(one, Exception))
    assert won is None
    assert isinstance(lost, VersionMoved | OfferEnded)
    assert (await country.loaded(1)).referral.version == 2
    assert len([one for one in await country.own_events() if one.envelope.subject == str(ONE)]) == 2


@pytest.mark.usefixtures("together")
async def test_cancel_against_accept_at_once_ends_cancelled_and_the_place_is_free(
    country: Country, others: list[ReferralService]
) -> None:
    await country.open("near")
    await country.submit(1)
    accepted, cancelled = await asyncio.gather(
        others[0].act(ONE, Command.ACCEPT, caller("near")),
        others[1].act(ONE, Command.CANCEL, OPERATOR, Details("other")),
        return_exceptions=True,
    )
    assert cancelled is None
    assert accepted is None or isinstance(accepted, IllegalTransition)
    await country.deliver()
    assert await country.where(1) == (ReferralState.CANCELLED, None)
    assert await country.figures() == {"near": (1, 0, 0)}


async def test_two_discharges_at_once_are_one_and_free_one_place(
    country: Country, others: list[ReferralService], request: pytest.FixtureRequest
) -> None:
    await country.open("near")
    await country.submit(1)
    await country.submit(2, 3)
    await country.admit(1)
    await country.deliver()
    request.getfixturevalue("together")
    results = await asyncio.gather(
        *(one.act(ONE, Command.DISCHARGE, caller("near"), Details("improved")) for one in others),
        return_exceptions=True,
    )
    won, lost = sorted(results, key=lambda one: isinstance(one, Exception))
    assert won is None
    assert isinstance(lost, OfferEnded)
    assert offers(await country.deliver()) == [(2, "near")]
    assert await country.queue("near") == [3]
    assert await country.figures() == {"near": (1, 1, 1)}


async def test_cancel_against_a_hand_over_at_once_leaves_no_place_behind(
    country: Country, others: list[ReferralService]
) -> None:
    await country.open("near", places=0)
    await country.submit(*range(1, 11))
    await country.set_places("near", 5)
    handed = await country.capacity_events()

    async def cancel(number: int) -> None:
        await others[0].act(UUID(int=number), Command.CANCEL, OPERATOR, Details("other"))

    await asyncio.gather(until_handled(others[1], handed), *(cancel(number) for number in range(1, 6)))
    await country.deliver()
    assert [(await country.where(number))[0] for number in range(1, 6)] == [ReferralState.CANCELLED] * 5
    assert [await country.where(number) for number in range(6, 11)] == [(ReferralState.OFFERED, "near")] * 5
    assert await country.figures() == {"near": (5, 5, 0)}


async def test_twenty_accepts_at_once_are_one_acceptance(country: Country, others: list[ReferralService]) -> None:
    await country.open("near")
    await country.submit(1)
    results = await asyncio.gather(
        *(others[n % 2].act(ONE, Command.ACCEPT, caller("near")) for n in range(20)), return_exceptions=True
    )
    assert Counter(map(type, results)) == {type(None): 1, IllegalTransition: 19}
    assert {one.state for one in results if isinstance(one, IllegalTransition)} == {ReferralState.ACCEPTED}
    assert (await country.loaded(1)).referral.version == 2


async def test_a_center_whose_offer_moved_on_cannot_accept_any_more(country: Country) -> None:
    await country.open("near")
    await country.open("far", settlement="far")
    await country.submit(1)
    await country.decline(1)
    for _ in (ReferralState.SUBMITTED, ReferralState.OFFERED):
        with pytest.raises(OfferEnded):
            await country.service.act(ONE, Command.ACCEPT, caller("near"))
        await country.deliver()
    await country.service.act(ONE, Command.ACCEPT, caller("far"))
    assert await country.where(1) == (ReferralState.ACCEPTED, "far")
    assert [one.state for one in (await country.loaded(1)).offers] == [OfferState.DECLINED, OfferState.ACCEPTED]


async def test_a_center_that_was_never_asked_does_not_find_the_child(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    for id, center in ((ONE, "far"), (UUID(int=2), "near")):
        with pytest.raises(UnknownReferral):
            await country.service.act(id, Command.ACCEPT, caller(center))


async def test_seen_many_times_is_seen_once(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    for _ in range(3):
        await country.service.act(ONE, Command.SEEN, caller("near"))
        assert (await country.loaded(1)).referral.version == 2


async def until_handled(service: ReferralService, batch: list[Event]) -> None:
    """As the worker does: a lost race is run again."""
    while True:
        try:
            assert not await service.reactions(CONSUMER, batch)
            return
        except TransientError:
            continue


async def test_two_workers_with_the_same_children_place_each_once(
    country: Country, others: list[ReferralService]
) -> None:
    await country.open("near", places=3)
    await country.open("far", places=3, settlement="far")
    batch = [event(diagnosis(number)) for number in range(1, 11)]
    await asyncio.gather(*(until_handled(one, batch) for one in (*others, country.service)))
    events = await country.own_events()
    assert len(offers(events)) == 6
    assert Counter(one.envelope.subject for one in events) == {str(UUID(int=n)): 1 for n in range(1, 11)}
    assert await country.figures() == {"near": (3, 3, 4), "far": (3, 3, 4)}


async def test_the_same_center_registered_by_many_at_once_is_one_entry(
    country: Country, others: list[ReferralService]
) -> None:
    body = CenterBody.model_validate(center_body(programme_body("near")))
    results = await asyncio.gather(
        *(one.registry.put_center(registration_of("near", body), ANYTHING) for one in others * 5),
        return_exceptions=True,
    )
    assert set(map(repr, results)) <= {"1", repr(Conflict("this entry changes too often just now"))}
    assert await others[0].registry.put_center(registration_of("near", body), ANYTHING) == 1
    assert len(await country.own_events()) == 1


async def test_children_who_begin_to_wait_while_centers_open_wait_for_each_of_them(
    country: Country, others: list[ReferralService]
) -> None:
    await country.open("far", places=0, settlement="far")
    centers = [f"near-{number}" for number in range(6)]

    async def submit() -> None:
        for first in range(1, 41, 5):
            await until_handled(others[0], [event(diagnosis(number)) for number in range(first, first + 5)])

    async def open_all() -> None:
        for center_id in centers:
            await country.register(center_id, programme_body(center_id, 0))
            await until_handled(others[1], await country.own_events())

    await asyncio.gather(submit(), open_all())
    for center_id in ("far", *centers):
        assert await country.queue(center_id) == list(range(1, 41)), center_id
    for number in range(1, 41):
        story = await country.story(number)
        assert {one.programme_id for one in story.queues} == {"far", *centers}
