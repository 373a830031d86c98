"""The relay: everything in the outbox, in order, by one relay at a time, again when Kafka forgot it."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import update

from services.kit.errors import TransientError
from services.kit.kafka import relay as relay_module
from services.kit.kafka.relay import KEEP_MS, OutboxRelay, run_relay
from services.kit.sql.commit_notifier import commit_notifier
from services.kit.sql.database import Database
from tests.integration.kit.conftest import FakePublisher, add, pending
from tests.integration.kit.tables import outbox
from tests.support.eventually import eventually


async def no_wait(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
def relay(database: Database, publisher: FakePublisher) -> OutboxRelay:
    return OutboxRelay(database, outbox, publisher, no_wait)


async def test_events_are_published_in_their_order_and_once(
    relay: OutboxRelay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, *range(2500))
    while await relay.publish_pending():
        pass
    assert publisher.log["events.v1"] == [f"e{n}" for n in range(2500)]
    assert await pending(database) == 0


async def test_what_kafka_did_not_take_is_sent_again_after_what_it_took(
    relay: OutboxRelay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2, 3)
    publisher.takes = 2
    with pytest.raises(TransientError, match="2 of 3"):
        await relay.publish_pending()
    assert await pending(database) == 1
    publisher.takes = 9
    await relay.publish_pending()
    assert publisher.log["events.v1"] == ["e1", "e2", "e3"]


async def test_what_waits_is_counted_with_its_age_also_while_kafka_is_away(
    relay: OutboxRelay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2, 3)
    minute_ago = update(outbox.rows).where(outbox.rows.c.event_id == "e2").values(
        recorded_at=outbox.rows.c.recorded_at - 60_000
    )  # fmt: skip
    await database.write(lambda session: session.execute(minute_ago))
    publisher.takes = 0
    working = asyncio.create_task(run_relay(relay))
    await eventually(lambda: REGISTRY.get_sample_value("outbox_pending") == 3)
    assert 60 <= (REGISTRY.get_sample_value("joldama_outbox_oldest_seconds") or 0) < 90
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    publisher.takes, relay._count_at = 9, 0.0
    await relay.publish_pending()
    await relay.count()
    assert (
        REGISTRY.get_sample_value("outbox_pending") == REGISTRY.get_sample_value("joldama_outbox_oldest_seconds") == 0
    )


async def test_an_event_is_not_published_before_its_transaction_is_committed(
    relay: OutboxRelay, database: Database
) -> None:
    class Undone(Exception): ...

    def fail(session: object) -> None:
        raise Undone

    with pytest.raises(Undone):
        await database.write(lambda s: (outbox.add(s, []), fail(s)))
    assert await relay.publish_pending() == 0


async def test_one_relay_holds_the_lease_and_another_takes_over_when_it_is_given_back(
    relay: OutboxRelay, database: Database, publisher: FakePublisher
) -> None:
    second = OutboxRelay(database, outbox, publisher, no_wait)
    assert await relay._hold_lease()
    assert not await second._hold_lease()
    assert await relay._hold_lease()
    await relay.release()
    assert await second._hold_lease()


async def test_a_lease_that_ran_out_is_taken(
    relay: OutboxRelay, database: Database, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await relay._hold_lease()
    later = relay_module._now() + relay_module.LEASE_MS + 1
    monkeypatch.setattr(relay_module, "_now", lambda: later)
    second = OutboxRelay(database, outbox, publisher, no_wait)
    assert await second._hold_lease()
    assert not await relay._hold_lease()


async def test_of_ten_relays_that_start_at_once_one_holds_the_lease(
    database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    databases = [other() for _ in range(10)]
    relays = [OutboxRelay(one, outbox, publisher, no_wait) for one in databases]
    held = await asyncio.gather(*(one._hold_lease() for one in relays), return_exceptions=True)
    assert [one for one in held if one is True] == [True]
    for one in databases:
        await one.close()


@pytest.mark.parametrize("forgets", [lambda log: log.clear(), lambda log: log["events.v1"].pop(), "overwritten"])
async def test_what_kafka_forgot_is_published_again(
    relay: OutboxRelay,
    database: Database,
    publisher: FakePublisher,
    forgets: Callable[[dict[str, list[str]]], object] | str,
) -> None:
    await add(database, 1, 2, 3)
    await add(database, 4, topic="others.v1")
    await relay.publish_pending()
    if callable(forgets):
        forgets(publisher.log)
    else:  # a log that has since grown past the old offsets
        publisher.log["events.v1"][:] = ["x1", "x2", "x3", "x4"]
    before = len(publisher.log.get("events.v1", []))
    await relay.verify()
    await relay.publish_pending()
    assert publisher.log["events.v1"][before:] == ["e1", "e2", "e3"]
    assert publisher.log["others.v1"] == ["e4"]
    await relay.verify()
    assert await pending(database) == 0


async def test_a_log_begun_anew_is_noticed_by_the_first_offset_that_it_gives(
    relay: OutboxRelay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2, 3)
    await add(database, 4, topic="others.v1")
    await relay.publish_pending()
    publisher.log["events.v1"].clear()
    await add(database, 5)
    while await relay.publish_pending():
        pass
    assert publisher.log["events.v1"] == ["e5", "e1", "e2", "e3", "e5"]
    assert publisher.log["others.v1"] == ["e4"]
    assert await pending(database) == 0


async def test_what_kafka_remembers_is_not_published_again(
    relay: OutboxRelay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2)
    await relay.publish_pending()
    await relay.verify()
    assert await relay.publish_pending() == 0


async def test_what_was_acknowledged_long_ago_is_trimmed_and_what_was_not_never_is(
    relay: OutboxRelay, database: Database
) -> None:
    await add(database, 1, 2)
    await relay.publish_pending()
    await add(database, 3)
    old = {"recorded_at": 1, "acknowledged_at": relay_module._now() - KEEP_MS - 1}
    rows = outbox.rows
    await database.write(lambda s: s.execute(update(rows).where(rows.c.event_id == "e1").values(old)))
    await database.write(lambda s: s.execute(update(rows).where(rows.c.event_id == "e3").values(recorded_at=1)))
    await relay.verify()
    kept = await database.read(lambda s: set(s.execute(rows.select().with_only_columns(rows.c.event_id)).scalars()))
    assert kept == {"e2", "e3"}


async def test_a_commit_wakes_the_relay_long_before_its_fallback(
    database: Database, publisher: FakePublisher, other: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "LEASE_MS", 600_000)  # so that nothing else wakes it
    writer = other()
    async with commit_notifier(database) as wake:
        turns: list[int] = []
        relay = OutboxRelay(database, outbox, publisher, wake, progressed=lambda: turns.append(1))
        task = asyncio.create_task(run_relay(relay))
        for n in range(20):
            await add(writer, n)
            await eventually(partial(taken, publisher, n + 1), within=10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await writer.close()
    assert publisher.log["events.v1"] == [f"e{n}" for n in range(20)]
    second = OutboxRelay(database, outbox, publisher, no_wait)
    assert await second._hold_lease(), "the lease was given back"


def taken(publisher: FakePublisher, count: int) -> bool:
    return len(publisher.log.get("events.v1", [])) == count


async def test_a_relay_whose_kafka_fails_goes_on_when_it_is_back(
    database: Database, publisher: FakePublisher, relay: OutboxRelay
) -> None:
    publisher.takes = 0
    await add(database, 1)
    task = asyncio.create_task(run_relay(relay))
    await eventually(partial(is_started, relay))
    publisher.takes = 10
    await eventually(partial(taken, publisher, 1))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def is_started(relay: OutboxRelay) -> bool:
    return relay._lease_until > 0
