"""A programme's figure has one owner, the registry: what is set there is applied at capacity, whatever happens."""

from datetime import timedelta

import pytest

from services.contracts.events import FigureSetV1
from services.contracts.vocabulary import ReferralState
from services.kit.errors import TransientError
from services.kit.versions import ANYTHING
from tests.integration.referral.country import Country, offers, programme_body
from tests.integration.referral.harness import Harness
from tests.integration.referral.test_rebuild_during_review import harness

__all__ = ["harness"]
S = ReferralState


async def both_sides(country: Country) -> tuple[int, int]:
    """Places by the registry and by capacity."""
    await country.deliver()
    (registered,) = await country.service.record.programmes()
    return registered.places, (await country.figures())["near"][0]


async def set_places(country: Country, places: int, **more: bool) -> None:
    """The center sets its figure; no event is delivered yet."""
    await country.service.registry.set_figure("near", "near", places, more.get("suspended"), "center:near", ANYTHING)


async def test_a_figure_set_while_redis_is_lost_is_the_rebuilt_capacitys(harness: Harness) -> None:
    country = harness.country
    await country.open("near", places=1)
    await country.submit(1, 2, 3)
    await harness.flush()
    await set_places(country, 2)
    assert await country.service.rebuilder.rebuild_if_needed()
    assert offers(await country.deliver())[-1] == (2, "near")
    assert await country.figures() == {"near": (2, 2, 1)}


async def test_a_figure_that_was_applied_and_lost_with_redis_comes_back(harness: Harness) -> None:
    country = harness.country
    await country.open("near", places=1)
    await country.set_places("near", 7, suspended=True)
    await harness.flush()
    assert await country.service.rebuilder.rebuild_if_needed()
    assert await both_sides(country) == (7, 7)
    await country.submit(1)
    assert await country.where(1) == (S.WAITING, None), "its suspension is rebuilt too"


async def test_an_edit_of_the_entry_undoes_neither_a_figure_nor_a_suspension(country: Country) -> None:
    await country.open("near", places=1)
    await set_places(country, 5, suspended=True)
    await country.register("near", programme_body("near", 5, suspended=True), name_en="Another name")
    assert await both_sides(country) == (5, 5)
    await country.submit(1)
    assert await country.where(1) == (S.WAITING, None)
    await set_places(country, 5, suspended=False)
    assert offers(await country.deliver()) == [(1, "near")]


async def test_a_figure_set_after_the_clock_was_put_back_stands_on_both_sides(country: Country) -> None:
    await country.open("near", places=1)
    for places in (2, 3, 4):
        country.clock.now -= timedelta(hours=2)
        await set_places(country, places)
        assert await both_sides(country) == (places, places)


async def test_events_of_figures_in_any_order_and_again_apply_the_newest(country: Country) -> None:
    await country.open("near", places=1)
    for places in (2, 9, 4):
        await set_places(country, places)
    figures = [one for one in await country.own_events() if isinstance(one.data, FigureSetV1)]
    assert [one.data.places for one in figures] == [2, 9, 4]  # type: ignore[attr-defined]
    for one in (*reversed(figures), *figures):
        await country.handle([one])
        assert (await country.figures())["near"][0] == 4


async def test_a_figure_is_applied_once_capacity_can_answer(country: Country, monkeypatch: pytest.MonkeyPatch) -> None:
    await country.open("near", places=0)
    await country.submit(1)
    await set_places(country, 1)
    events = await country.own_events()

    async def away(*_: object) -> None:
        raise TransientError("capacity is away")

    with monkeypatch.context() as patch:
        patch.setattr(country.service.reactions.apply_figures.claims, "open_programme", away)
        with pytest.raises(TransientError, match="away"):
            await country.handle(events)
    await country.handle(events)
    assert offers(await country.deliver()) == [(1, "near")]


async def test_a_closed_programme_has_no_places_and_its_figure_again_when_it_opens_again(country: Country) -> None:
    await country.open("near", places=3)
    await country.register("near")
    assert await both_sides(country) == (0, 0)
    await country.register("near", programme_body("near", 3))
    assert await both_sides(country) == (3, 3)
