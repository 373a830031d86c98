"""Retention in the record: persons of old acts and unmoved notes go; organizations and everything else stay."""

from collections.abc import Callable

import httpx2
from sqlalchemy import select, update
from sqlmodel import Session

from services.kit.retention import sweep_all
from services.referral.adapters.sql_retention import BATCH, SqlRetention
from services.referral.adapters.tables import FigureRow, HistoryRow, table
from tests.integration.referral.country import Country

Client = Callable[..., httpx2.AsyncClient]
_history, _figures = table(HistoryRow), table(FigureRow)


async def actors(country: Country) -> list[str]:
    query = select(_history.c.actor).order_by(_history.c.referral_id, _history.c.version)
    return await country.service.database.read(lambda session: list(session.execute(query).scalars()))


async def due(country: Country) -> list[tuple[str, int, int]]:
    return [(one.what, one.due, one.swept) for one in await country.service.retention.status()]


async def test_persons_of_old_acts_and_unmoved_notes_go(country: Country, client: Client) -> None:
    await country.open("near", places=2)
    await country.submit(1)
    await country.submit(2, submitted_by="polyclinic:p1/nurse-7")
    one = "/v1/referrals/00000000-0000-0000-0000-000000000001"
    await client("center", org="near").post(f"{one}/accept")
    await client("operator").post(f"{one}/cancel", json={"reason": "moved_away"})

    def plant(session: Session) -> None:
        session.execute(update(_history).where(_history.c.actor.like("center:%")).values(note="Айша has the flu"))
        session.execute(update(_figures).values(confirmed_by="center:near/nurse-7"))

    await country.service.database.write(plant)
    before = await actors(country)
    assert before == ["router", "center:near/center-1", "operator:operator-1", "router"]
    assert await due(country) == [("persons", 0, 0), ("notes in the clear", 0, 0)]
    await sweep_all(country.service.retention)
    assert await actors(country) == before

    country.clock.now = country.clock.now.replace(year=country.clock.now.year + 6)
    assert await due(country) == [("persons", 4, 0), ("notes in the clear", 1, 0)]
    await sweep_all(country.service.retention)
    assert await actors(country) == ["router", "center:near", "operator", "router"]
    found = await country.service.database.read(
        lambda session: (
            session.execute(select(_history.c.note)).scalars().all(),
            session.execute(select(_figures.c.confirmed_by)).scalars().all(),
        )
    )
    assert found == ([None] * 4, ["center:near"])
    assert (await country.loaded(2)).referral.submitted_by == "polyclinic:p1"
    assert await due(country) == [("persons", 0, 4), ("notes in the clear", 0, 1)]
    for_ever = SqlRetention(country.service.database, None, country.clock)
    assert [one.due for one in await for_ever.status()] == [0, 0]
    assert (await for_ever.sweep(None)).next is None


async def test_a_sweep_goes_on_until_there_is_none(country: Country) -> None:
    await country.open("near")
    await country.submit(1)
    rows = [
        {"referral_id": "00000000-0000-0000-0000-000000000001", "version": number + 10, "at": country.clock.now,
         "actor": "operator:olga", "command": "seen", "from_state": "offered", "to_state": "offered"}
        for number in range(BATCH + 1)
    ]  # fmt: skip
    await country.service.database.write(lambda session: session.execute(_history.insert(), rows))
    country.clock.now = country.clock.now.replace(year=country.clock.now.year + 6)
    step = await country.service.retention.sweep(None)
    assert (step.swept["persons"], step.next is None) == (BATCH, False)
    await sweep_all(country.service.retention)
    assert set(await actors(country)) == {"router", "operator"}


async def test_it_is_shown_to_operators_and_swept_by_an_administrator(country: Country, client: Client) -> None:
    items = (await client("operator").get("/v1/retention")).json()["items"]
    assert [(one["what"], one["keep_days"]) for one in items] == [("persons", 1826), ("notes in the clear", 1826)]
    assert (await client("operator").post("/v1/retention/sweep")).status_code == 403
    swept = (await client("admin").post("/v1/retention/sweep")).json()
    assert swept == {"swept": {"persons": 0, "notes in the clear": 0}, "next": None}
