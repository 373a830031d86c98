"""The inbox: an event taken twice has its effect once."""

import asyncio
import time

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.kit.sql.database import Database
from tests.integration.kit.tables import inbox


async def take(database: Database, consumer: str, *ids: str) -> set[str]:
    def work(session: Session) -> set[str]:
        unseen = inbox.unseen(session, consumer, ids)
        inbox.record(session, consumer, unseen)
        return unseen

    return await database.write(work)


async def test_an_event_is_unseen_once_for_each_consumer(database: Database) -> None:
    assert await take(database, "a", "e1", "e2") == {"e1", "e2"}
    assert await take(database, "a", "e2", "e3") == {"e3"}
    assert await take(database, "b", "e1") == {"e1"}
    assert await take(database, "a") == set()


async def test_an_effect_that_failed_leaves_its_event_unseen(database: Database) -> None:
    def fail(session: Session) -> None:
        inbox.record(session, "a", ["e1"])
        raise RuntimeError("effect")

    with pytest.raises(RuntimeError):
        await database.write(fail)
    assert await take(database, "a", "e1") == {"e1"}


async def test_recording_an_event_twice_is_refused_by_the_database(database: Database) -> None:
    await take(database, "a", "e1")
    with pytest.raises(IntegrityError):
        await database.write(lambda s: inbox.record(s, "a", ["e1"]))


async def test_twenty_who_take_one_event_at_once_have_one_effect(database: Database) -> None:
    taken = await asyncio.gather(*(take(database, "a", "e1") for _ in range(20)), return_exceptions=True)
    assert [one for one in taken if one == {"e1"}] == [{"e1"}]


async def test_only_what_is_old_is_forgotten(database: Database) -> None:
    await take(database, "a", "e1")
    now = int(time.time() * 1000)
    await database.write(lambda s: inbox.trim(s, now - 60_000))
    assert await take(database, "a", "e1") == set()
    await database.write(lambda s: inbox.trim(s, now + 60_000))
    assert await take(database, "a", "e1") == {"e1"}
