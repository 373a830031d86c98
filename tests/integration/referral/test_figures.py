"""A programme's figure is set on two sides, by the center and by the registry: the one set last stands on both."""

from datetime import timedelta

from tests.integration.referral.country import Country, programme_body


async def both_sides(country: Country) -> tuple[int, int]:
    await country.carry()
    (registered,) = await country.service.record.programmes()
    return registered.places, (await country.figures())["near"][0]


async def test_a_figure_set_after_the_clock_was_put_back_stands_on_both_sides(country: Country) -> None:
    await country.open("near", places=1)
    await country.set_places("near", 2)
    assert await both_sides(country) == (2, 2)
    country.clock.now -= timedelta(hours=2)
    await country.set_places("near", 3)
    assert await both_sides(country) == (3, 3)
    country.clock.now -= timedelta(hours=2)
    await country.register("near", programme_body("near", 4))
    assert await both_sides(country) == (4, 4)
    await country.set_places("near", 5)
    assert await both_sides(country) == (5, 5)
