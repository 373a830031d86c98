"""The relay: everything in the outbox, in order, by one relay at a time, again when Kafka forgot it."""

import time
from collections.abc import Callable
from functools import partial

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.kit.errors import TransientError
from services.kit.kafka.outbox_store import KEEP_MS, OutboxStore
from services.kit.kafka.relay import Relay
from services.kit.loops import background
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from tests.integration.kit.conftest import FakePublisher, add, pending
from tests.integration.kit.relays import ended_relays, make_relay, publish_all  # noqa: F401  ended_relays is used
from tests.integration.kit.tables import leases, message, outbox
from tests.support.eventually import eventually


@pytest.fixture
def relay(database: Database, publisher: FakePublisher) -> Relay:
    return make_relay(database, publisher)


async def test_events_are_published_in_their_order_and_once(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, *range(2500))
    assert [await relay.step() for _ in range(4)] == [1000, 1000, 500, 0]
    assert publisher.log["events.v1"] == [f"e{n}" for n in range(2500)]
    assert await pending(database) == 0


async def test_what_kafka_did_not_take_is_sent_again_after_what_it_took(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2, 3)
    publisher.takes = 2
    with pytest.raises(TransientError, match="2 of 3"):
        await relay.step()
    assert await pending(database) == 1
    publisher.takes = 9
    await relay.step()
    assert publisher.log["events.v1"] == ["e1", "e2", "e3"]


async def test_an_event_that_is_committed_late_between_published_ones_is_not_taken_for_published(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    """PostgreSQL numbers rows before their commits: a smaller number may appear after a larger one."""
    rows = outbox.rows
    await add(database, 1, 2, 3)
    [late] = await database.write(
        lambda s: s.execute(delete(rows).where(rows.c.event_id == "e2").returning(rows)).all()
    )
    batch = await relay.store.pending(10, 0)
    assert [one.event_id for one in batch] == ["e1", "e3"]
    await relay.store.acquire()
    await database.write(lambda s: s.execute(insert(rows).values(late._asdict())))
    await relay.store.acknowledge(batch, [])
    assert await pending(database) == 1
    await relay.step()
    assert publisher.log["events.v1"] == ["e2"]


async def test_the_backlog_is_measured_with_its_age_also_while_kafka_is_away(
    relay: Relay, database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    await add(database, 1, 2, 3)
    minute_ago = update(outbox.rows).where(outbox.rows.c.event_id == "e2").values(
        recorded_at=outbox.rows.c.recorded_at - 60_000
    )  # fmt: skip
    await database.write(lambda session: session.execute(minute_ago))
    publisher.takes = 0
    async with background(relay.run()):
        await eventually(lambda: _backlog()[0] == 3 and 60 <= _backlog()[1] < 90)
    publisher.takes = 9
    await publish_all(make_relay(database, publisher), database)
    await make_relay(other(), publisher).store.measure()
    assert _backlog() == (0, 0)


def _backlog() -> tuple[float, float]:
    """Events, and the age of the oldest, as measured last."""
    names = "joldama_outbox_pending", "joldama_outbox_oldest_seconds"
    events, seconds = (REGISTRY.get_sample_value(name) or 0.0 for name in names)
    return events, seconds


async def test_an_event_whose_transaction_was_rolled_back_is_not_published(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    class Undone(Exception): ...

    def add_and_fail(session: Session) -> None:
        outbox.add(session, [message(1)])
        raise Undone

    with pytest.raises(Undone):
        await database.write(add_and_fail)
    assert await relay.step() == 0
    assert publisher.log == {}


async def test_one_event_may_go_to_two_topics_but_not_twice_to_one(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1)
    await add(database, 1, topic="others.v1")
    with pytest.raises(IntegrityError):
        await add(database, 1)
    await relay.step()
    assert publisher.log == {"events.v1": ["e1"], "others.v1": ["e1"]}


async def test_one_relay_publishes_and_another_takes_over_when_it_ends(
    relay: Relay, database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    standby = make_relay(other(), publisher)
    await add(database, 1)
    async with background(relay.run()):
        await eventually(lambda: publisher.log == {"events.v1": ["e1"]})
        await add(database, 2)
        assert [await standby.step() for _ in range(3)] == [0, 0, 0]
        await eventually(lambda: publisher.log == {"events.v1": ["e1", "e2"]})
    await add(database, 3)
    assert await standby.step() == 1, "the lease was released"
    assert publisher.log == {"events.v1": ["e1", "e2", "e3"]}
    assert await make_relay(database, publisher).step() == 0


async def test_a_standby_makes_progress_too(
    relay: Relay, database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    await relay.step()
    steps: list[int] = []
    standby = make_relay(other(), publisher)
    standby.progress = lambda: steps.append(1)
    await standby.step()
    assert steps == [1]


async def test_a_lease_that_ran_out_is_taken(
    database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    died, next_one = make_relay(database, publisher, milliseconds=1), make_relay(other(), publisher)
    await add(database, 1)
    await died.step()
    await add(database, 2)
    await eventually(next_one.step)
    assert publisher.log == {"events.v1": ["e1", "e2"]}
    assert await died.step() == 0


@pytest.mark.parametrize("forgets", [lambda log: log.clear(), lambda log: log["events.v1"].pop(), "overwritten"])
async def test_what_kafka_forgot_is_published_again(
    relay: Relay, database: Database, publisher: FakePublisher, forgets: Callable[[dict[str, list[str]]], object] | str
) -> None:
    await add(database, 1, 2, 3)
    await add(database, 4, topic="others.v1")
    await relay.step()
    others = publisher.log["others.v1"][:]
    if callable(forgets):
        forgets(publisher.log)
        publisher.log["others.v1"] = others
    else:  # a log that has since grown past the old offsets
        publisher.log["events.v1"][:] = ["x1", "x2", "x3", "x4"]
    before = len(publisher.log.get("events.v1", []))
    republished = _republished()
    await relay.verify()
    assert _republished() == republished + 1
    await relay.step()
    assert publisher.log["events.v1"][before:] == ["e1", "e2", "e3"]
    assert publisher.log["others.v1"] == ["e4"]
    await relay.verify()
    assert await pending(database) == 0


def _republished() -> float:
    return REGISTRY.get_sample_value("joldama_relay_republished_total", {"topic": "events.v1"}) or 0.0


async def test_a_recreated_log_is_noticed_by_the_first_offset_that_it_gives(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2, 3)
    await add(database, 4, topic="others.v1")
    await relay.step()
    publisher.log["events.v1"].clear()
    await add(database, 5)
    await publish_all(relay, database)
    assert publisher.log["events.v1"] == ["e5", "e1", "e2", "e3", "e5"]
    assert publisher.log["others.v1"] == ["e4"]
    assert await pending(database) == 0


async def test_a_log_that_was_recreated_while_kafka_was_away_is_noticed_before_anything_is_published(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2, 3)
    await relay.step()
    await add(database, 4)
    publisher.takes = 0
    with pytest.raises(TransientError):
        await relay.step()
    publisher.log["events.v1"].clear()
    publisher.takes = 9
    await publish_all(relay, database)
    assert publisher.log["events.v1"] == ["e1", "e2", "e3", "e4"]


async def test_a_relay_that_takes_over_again_knows_a_log_that_was_recreated_meanwhile(
    relay: Relay, database: Database, other: Callable[[], Database], publisher: FakePublisher
) -> None:
    """Its own offsets are of the old log; the other relay has published all that is still stored to the new one."""
    rival = make_relay(other(), publisher)
    await add(database, 1, 2, 3)
    await relay.step()
    await relay.store.release()
    old = delete(outbox.rows).where(outbox.rows.c.event_id.in_(["e1", "e2"]))
    await database.write(lambda session: session.execute(old))
    publisher.log["events.v1"].clear()
    await rival.step()
    assert publisher.log["events.v1"] == ["e3"]
    assert await relay.step() == 0
    await rival.store.release()
    await add(database, 4)
    await publish_all(relay, database)
    assert publisher.log["events.v1"] == ["e3", "e4"]


async def test_what_kafka_remembers_is_not_published_again(
    relay: Relay, database: Database, publisher: FakePublisher
) -> None:
    await add(database, 1, 2)
    await relay.step()
    await relay.verify()
    assert await relay.step() == 0
    assert await make_relay(database, publisher, milliseconds=1).step() == 0
    assert publisher.log == {"events.v1": ["e1", "e2"]}


async def test_what_was_acknowledged_long_ago_is_trimmed_and_what_was_not_never_is(
    relay: Relay, database: Database
) -> None:
    await add(database, 1, 2)
    await relay.step()
    await add(database, 3)
    old = {"recorded_at": 1, "acknowledged_at": int(time.time() * 1000) - KEEP_MS - 1}
    rows = outbox.rows
    await database.write(lambda s: s.execute(update(rows).where(rows.c.event_id == "e1").values(old)))
    await database.write(lambda s: s.execute(update(rows).where(rows.c.event_id == "e3").values(recorded_at=1)))
    await OutboxStore(database, outbox, Lease(database, leases, "outbox")).trim()
    kept = await database.read(lambda s: set(s.execute(select(rows.c.event_id)).scalars()))
    assert kept == {"e2", "e3"}


async def test_a_commit_is_published_long_before_the_lease_is_renewed(
    database: Database, publisher: FakePublisher, other: Callable[[], Database]
) -> None:
    writer = other()
    relay = make_relay(database, publisher, wait=600)
    async with background(relay.run()):
        for n in range(20):
            await add(writer, n)
            await eventually(partial(_taken, publisher, n + 1), within=10)
    assert publisher.log["events.v1"] == [f"e{n}" for n in range(20)]
    assert await Lease(writer, leases, "outbox").acquire(), "the lease was released"


def _taken(publisher: FakePublisher, count: int) -> bool:
    return len(publisher.log.get("events.v1", [])) == count


async def test_a_relay_whose_kafka_fails_goes_on_when_it_is_back(
    database: Database, publisher: FakePublisher, relay: Relay
) -> None:
    publisher.takes = 0
    await add(database, 1)
    before = _retries()
    async with background(relay.run()):
        await eventually(lambda: publisher.calls > 1)
        assert _retries() > before
        publisher.takes = 10
        await eventually(partial(_taken, publisher, 1))


def _retries() -> float:
    return REGISTRY.get_sample_value("joldama_retries_total", {"step": "relay"}) or 0.0
