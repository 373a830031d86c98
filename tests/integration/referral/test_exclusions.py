"""What excludes a kind of child is stored once, and every decision names it all the same, as it was at that time."""

import asyncio

from sqlalchemy import func, select, update

from services.kit.sql.database import Database
from services.referral.adapters.sql_exclusions import add_exclusions
from services.referral.adapters.tables import DecisionRow, ExclusionsRow, table
from services.referral.domain.referral import Change, start_waiting
from tests.integration.referral.country import Country, programme_body
from tests.unit.referral.samples import NOW, needs, network, programme, referral

DECISIONS, EXCLUSIONS = table(DecisionRow), table(ExclusionsRow)


async def rows(country: Country, model: type[DecisionRow | ExclusionsRow]) -> int:
    count = select(func.count()).select_from(table(model))
    return await country.service.database.read(lambda session: int(session.execute(count).scalar_one()))


async def excluded(country: Country, number: int) -> dict[str, list[str]]:
    decision = (await country.story(number)).decision
    assert decision, f"child {number} has no decision"
    return decision.excluded


async def open_all(country: Country) -> None:
    """Of the nation, of two regions, of a settlement, and two that do not fit."""
    await country.open("nation", settlement="far")
    await country.open("here", catchment="region")
    await country.open("there", settlement="far", catchment="region")
    await country.open("town", settlement="far", catchment="settlement")
    await country.open("heart", icd10_prefixes=["Q"])
    await country.open("early", age_under_months=24)


async def test_children_of_one_kind_share_what_excludes_them_and_each_story_has_the_whole(country: Country) -> None:
    await open_all(country)
    await country.submit(1)
    await country.submit(2, settlement_id="near")
    await country.submit(3, settlement_id="far")
    await country.submit(4, max_distance_km=50)
    everywhere = {"diagnosis": ["heart"], "age": ["early"]}
    assert await excluded(country, 1) == {**everywhere, "catchment": ["there", "town"]}
    assert await excluded(country, 2) == {**everywhere, "catchment": ["there", "town"]}
    assert await excluded(country, 3) == {**everywhere, "catchment": ["here"]}
    assert await excluded(country, 4) == {**everywhere, "catchment": ["there", "town"], "distance": ["here", "nation"]}
    assert (await rows(country, DecisionRow), await rows(country, ExclusionsRow)) == (4, 1)
    await country.submit(5, age_months=12)
    assert await excluded(country, 5) == {"diagnosis": ["heart"], "catchment": ["there", "town"]}
    assert await rows(country, ExclusionsRow) == 2, "a child of another kind"


async def test_a_decision_keeps_what_it_said_when_centers_change(country: Country) -> None:
    await open_all(country)
    await country.submit(1)
    before = await excluded(country, 1)
    await country.register("heart", programme_body("heart"))
    await country.register("later", programme_body("later", modality="inpatient"))
    await country.deliver()
    await country.submit(2)
    assert await excluded(country, 1) == before
    assert await excluded(country, 2) == {"age": ["early"], "catchment": ["there", "town"], "modality": ["later"]}


async def test_one_that_declined_is_not_among_those_of_another_catchment(country: Country) -> None:
    await open_all(country)
    await country.submit(1)
    await country.decline(1)
    await country.deliver()
    found = await excluded(country, 1)
    assert (found["declined"], found["catchment"]) == (["here"], ["there", "town"])


async def test_a_child_who_joins_opening_queues_only_is_told_of_no_exclusion_that_is_none(country: Country) -> None:
    await country.open("closed-to-it", icd10_prefixes=["Q"], catchment="region")
    await country.submit(1)
    await country.register("one", programme_body("one", 0, catchment="region"))
    events = await country.own_events()
    await country.register("two", programme_body("two", 0, catchment="region"))
    await country.handle(events)
    assert await excluded(country, 1) == {"diagnosis": ["closed-to-it"]}, "two takes the child as well"


async def test_a_decision_of_the_release_before_is_shown_as_it_was_written(country: Country) -> None:
    await open_all(country)
    await country.submit(1)
    old = update(DECISIONS).values(excluded='{"age":["early","gone"]}', common=None)
    await country.service.database.write(lambda session: session.execute(old))
    assert await excluded(country, 1) == {"age": ["early", "gone"]}


async def test_two_that_add_the_same_at_once_both_succeed(country: Country) -> None:
    country_of_two = network([programme("a", modality="inpatient"), programme("b")])
    decision = country_of_two.decide(needs(), NOW)
    change: Change = start_waiting(referral(), NOW, decision, ["b"])
    database: Database = country.service.database
    await asyncio.gather(*(database.write(lambda session: add_exclusions(session, [change])) for _ in range(8)))
    found = await database.read(lambda session: session.scalars(select(EXCLUSIONS.c.excluded)).all())
    assert found == ['{"modality":["a"]}']
