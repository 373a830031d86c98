"""Waiting for a commit, as a relay does: who waits is woken by any connection's, and reads nothing meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from services.kit.kafka.outbox_store import OutboxStore
from services.kit.outgoing_event import Acknowledgement
from services.kit.sql import commits as module
from services.kit.sql.commits import CHANNEL, POLL_EVERY, Commits, FileCommits, NotifiedCommits, commits_to
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from tests.integration.kit.conftest import add
from tests.integration.kit.tables import leases, message, metadata, outbox
from tests.support.eventually import eventually
from tests.support.postgres import Postgres, installed, running_postgres

LONG = 60.0
LISTENERS = "FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    if not installed():
        pytest.skip("needs PostgreSQL")
    with running_postgres() as server:
        server.make_database("kit")
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A database with an outbox, whatever the other tests run on."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/own.sqlite3" if sqlite else request.getfixturevalue("postgres").url("kit")
    found = Database(url)
    metadata.create_all(found.engine)
    yield found
    metadata.drop_all(found.engine)
    await found.close()


@asynccontextmanager
async def watching(database: Database) -> AsyncIterator[Commits]:
    commits = commits_to(database)
    assert isinstance(commits, FileCommits if database.is_sqlite else NotifiedCommits), "each database its own"
    await commits.watch()
    yield commits
    await commits.close()


async def read(database: Database) -> None:
    await database.read(lambda session: session.execute(text("SELECT * FROM outbox")).all())


async def spent(commits: Commits, seconds: float) -> float:
    """The seconds of a wait."""
    began = time.monotonic()
    await commits.wait(seconds)
    return time.monotonic() - began


async def test_a_commit_ends_the_wait(database: Database) -> None:
    async with watching(database) as commits:
        waiting = asyncio.create_task(commits.wait(LONG))
        await asyncio.sleep(0.05)
        assert not waiting.done(), "nothing was committed yet"
        await add(database, 1)
        await asyncio.wait_for(waiting, LONG / 2)


async def test_a_commit_before_the_wait_is_not_missed(database: Database) -> None:
    async with watching(database) as commits:
        await add(database, 1, 2, 3)
        await asyncio.wait_for(commits.wait(LONG), LONG / 2)
        await commits.watch()
        assert await spent(commits, 0.3) >= 0.29, "all that it added has told once"


async def test_reading_ends_no_wait(database: Database) -> None:
    async with watching(database) as commits:
        began = time.monotonic()
        waiting = asyncio.create_task(commits.wait(0.3))
        while not waiting.done():
            await read(database)
        assert time.monotonic() - began >= 0.29, "the whole time was waited"


async def test_what_is_rolled_back_ends_no_wait(postgres: Postgres) -> None:
    database = Database(postgres.url("kit"))
    metadata.create_all(database.engine)

    async def fail() -> None:
        def work(session: object) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await database.write(work)

    async with watching(database) as commits:
        await fail()
        assert await spent(commits, 0.3) >= 0.29, "nothing was committed"
    metadata.drop_all(database.engine)
    await database.close()


async def test_a_pooler_that_loses_notifications_is_noticed_and_asked_often_until_one_comes(postgres: Postgres) -> None:
    """As one between transactions does, and a process of an earlier release, which sends none."""
    database = Database(postgres.url("kit"))
    async with watching(database) as commits:
        assert isinstance(commits, NotifiedCommits)
        assert await spent(commits, 0.3) >= 0.29, "notifications are relied on"
        commits.found()
        assert await spent(commits, LONG) < LONG / 2, "something came without a notification: the wait is short"
        commits.found()
        await database.write(lambda session: session.execute(text(f"NOTIFY {CHANNEL}")))
        await commits.wait(LONG)
        commits.found()
        commits.found()
        assert await spent(commits, 0.3) >= 0.29, "one has come, so that notifications are relied on again"
    await database.close()


async def test_a_connection_that_ends_is_made_again_and_meanwhile_the_wait_is_short(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_EVERY", 0.0)
    database = Database(postgres.url("kit"))
    end = text(f"SELECT pg_terminate_backend(pid) {LISTENERS}")
    async with watching(database) as commits:
        waiting = asyncio.create_task(commits.wait(LONG))
        await asyncio.sleep(0.05)
        assert len(await database.write(lambda session: session.execute(end).all())) == 1, "the one that listens"
        await asyncio.wait_for(waiting, LONG / 2)
        assert await spent(commits, LONG) < LONG / 2, "nothing listens: the wait is short"
        await commits.watch()
        assert await spent(commits, 0.3) >= 0.29, "it listens again"
        await database.write(lambda session: session.execute(text(f"NOTIFY {CHANNEL}")))
        await asyncio.wait_for(commits.wait(LONG), LONG / 2)
    await database.close()


async def test_a_connection_that_tells_nothing_is_made_anew_after_a_while(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other end may be gone, or be a server that is the primary no longer."""
    database = Database(postgres.url("kit"))
    listening = text(f"SELECT pid {LISTENERS}")

    async def listeners() -> list[int]:
        return list(await database.read(lambda session: session.execute(listening).scalars().all()))

    async with watching(database) as commits:
        [deaf] = await listeners()
        await commits.wait(0.01)
        commits.found()
        await commits.watch()
        assert await listeners() == [deaf], "not at once: a pooler would be connected to again and again"
        monkeypatch.setattr(module, "DEAF_FOR", 0.0)
        await database.write(lambda session: session.execute(text(f"NOTIFY {CHANNEL}")))
        await commits.wait(LONG)
        await commits.wait(0.01)
        commits.found()
        await commits.watch()

        async def is_another() -> bool:
            found = await listeners()
            return len(found) == 1 and found != [deaf]

        await eventually(is_another, "another connection listens")
        assert await spent(commits, 0.3) >= 0.29, "notifications are relied on again"
    await database.close()


async def test_without_a_server_the_wait_is_short() -> None:
    async with watching(Database("postgresql+psycopg://nobody@127.0.0.1:1/none")) as commits:
        await asyncio.wait_for(commits.wait(LONG), LONG / 2)
        assert POLL_EVERY < 1, "a relay without notifications asks again soon"


@pytest.fixture
async def store(database: Database) -> AsyncIterator[OutboxStore]:
    """A relay's, which has seen that there is nothing."""
    found = OutboxStore(database, outbox, Lease(database, leases, "outbox", 600_000))
    assert await found.acquire(), "it has the lease"
    assert await numbers(found) == []
    yield found
    await found.release()


async def numbers(store: OutboxStore, limit: int = 10, seconds: float = LONG) -> list[str]:
    """The ids of the events that are pending, before half of a long wait is over."""
    return [one.event_id for one in await asyncio.wait_for(store.pending(limit, seconds), LONG / 2)]


async def publish(store: OutboxStore, limit: int = 10, taken: int = 10) -> None:
    batch = (await store.pending(limit, LONG))[:taken]
    await store.acknowledge(batch, [Acknowledgement(batch[-1].topic, 0, len(batch), batch[-1].event_id)])


async def test_a_relay_is_told_by_the_commit_before_and_amid_its_wait(database: Database, store: OutboxStore) -> None:
    await add(database, 1)
    assert await numbers(store) == [message(1).event_id], "committed before the wait"
    await publish(store)
    waiting = asyncio.create_task(numbers(store))
    await asyncio.sleep(0.05)
    await add(database, 2)
    while not (found := await waiting):  # its own acknowledgement is a commit too, of a file
        waiting = asyncio.create_task(numbers(store))
    assert found == [message(2).event_id], "committed amid the wait"


async def test_what_a_relay_knows_to_be_there_is_not_waited_for(database: Database, store: OutboxStore) -> None:
    await add(database, *range(6))
    await publish(store, limit=2)
    assert await numbers(store, limit=2) == [message(2).event_id, message(3).event_id], (
        "a full batch has more behind it"
    )
    assert len(await numbers(store)) == 4, "what nobody has acknowledged is there again"
    await publish(store, taken=3)
    assert await numbers(store) == [message(5).event_id], "what Kafka did not take is there again"
    await publish(store)
    await store.republish([message(1).topic])
    assert len(await numbers(store)) == 6, "what is to be published again is there"


async def test_what_was_added_without_a_notification_is_found_after_the_wait(
    database: Database, store: OutboxStore
) -> None:
    row = message(1)._asdict() | {"recorded_at": 1}
    await database.write(lambda session: session.execute(insert(outbox.rows).values(row)))
    assert await numbers(store, seconds=0.2) == [message(1).event_id], "as by a process of an earlier release"
    await publish(store)
    await database.write(lambda session: session.execute(insert(outbox.rows).values(row | {"event_id": "other"})))
    assert await numbers(store) == ["other"], "the next one is found soon"


async def test_a_standby_does_not_listen_for_it_would_not_read(database: Database, store: OutboxStore) -> None:
    if database.is_sqlite:
        pytest.skip("nobody listens to a file")
    standby = OutboxStore(database, outbox, Lease(database, leases, "outbox", 600_000))

    async def listeners() -> int:
        count = text(f"SELECT count(*) {LISTENERS}")
        return await database.read(lambda session: session.execute(count).scalar_one())

    async def the_active_one_alone() -> bool:
        return await listeners() == 1

    await standby.pending(10, 0)
    assert await listeners() == 2, "while it took itself for the active one"
    assert not await standby.acquire(), "another has the lease"
    await eventually(the_active_one_alone, "the standby's connection ends")
