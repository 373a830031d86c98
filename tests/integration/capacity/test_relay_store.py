"""The stream of steps as the relay's store, on a real server: fenced by its lease, and complete whatever Kafka took."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from services.capacity.adapters.redis_relay_store import KEEP, RedisRelayStore
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.domain.figures import stale_after
from services.capacity.ports import Store
from services.contracts.topics import CAPACITY, HANDOVERS
from services.kit.errors import LeaseLost, TransientError
from services.kit.kafka.relay import Relay
from services.kit.outgoing_event import Acknowledgement, OutgoingEvent
from tests.integration.capacity.network import NOW, claim, opening, steps
from tests.integration.capacity.relay_bench import LONG_AGO, Log, UnwatchedLog, event_ids, hand_over, noted, relay_store


async def test_a_hand_over_is_pending_for_both_topics_as_the_same_event(
    redis_store: Store, scripts: RedisScripts
) -> None:
    await hand_over(redis_store)
    pending = await relay_store(scripts).pending(100, 0.01)
    assert [one.topic for one in pending] == [*[CAPACITY] * 6, HANDOVERS]
    *_, last, again = pending
    assert (last.key, last.payload, last.event_id) == (again.key, again.payload, again.event_id)
    assert [one.event_id for one in pending[:-1]] == await event_ids(redis_store)


async def test_another_owner_waits_for_the_lease_until_it_is_released(scripts: RedisScripts) -> None:
    first, second = relay_store(scripts, "first"), relay_store(scripts, "second")
    assert await first.acquire()
    assert await first.acquire(), "renewed"
    assert not await second.acquire()
    await second.release()
    assert not await second.acquire(), "another's lease cannot be released"
    await first.release()
    assert await second.acquire()
    assert not await first.acquire()


async def test_every_process_is_an_owner_of_its_own(scripts: RedisScripts) -> None:
    first, second = (RedisRelayStore(scripts, RedisSteps(scripts, stale_after(7))) for _ in range(2))
    assert await first.acquire()
    assert not await second.acquire()


@pytest.mark.parametrize("taken", [True, False], ids=["the lease is another's", "the lease was released"])
async def test_a_relay_that_lost_its_lease_notes_nothing(
    redis_store: Store, scripts: RedisScripts, taken: bool
) -> None:
    await hand_over(redis_store)
    first, second, log = relay_store(scripts, "first"), relay_store(scripts, "second"), Log()
    assert await first.acquire()
    batch = await first.pending(2, 0.01)
    await first.acknowledge(batch, await log.publish(batch))
    before, following = await noted(scripts), await first.pending(100, 0.01)
    await scripts.redis.delete(scripts.lease)
    assert not taken or await second.acquire()
    with pytest.raises(LeaseLost):
        await first.acknowledge(following, await log.publish(following))
    with pytest.raises(LeaseLost):
        await first.republish([CAPACITY])
    assert await noted(scripts) == before
    assert await second.acquire()
    assert [one.event_id for one in await second.pending(1, 0.01)] == (await event_ids(redis_store))[2:3]


async def test_a_relay_that_waits_for_kafka_longer_than_its_lease_goes_on_when_nobody_else_has_acquired_it(
    redis_store: Store, scripts: RedisScripts
) -> None:
    """Else a Kafka that answers more slowly than that would never get another event."""
    await hand_over(redis_store)
    slow, log = relay_store(scripts, "first"), Log()
    slow.lease_ms = 1
    assert await slow.acquire()
    batch = await slow.pending(2, 0.01)
    await asyncio.sleep(0.01)
    await slow.acknowledge(batch, await log.publish(batch))
    await slow.republish([CAPACITY])
    assert [one.event_id for one in await slow.pending(1, 0.01)] == (await event_ids(redis_store))[:1]
    assert await relay_store(scripts, "second").acquire(), "it has run out"
    with pytest.raises(LeaseLost):
        await slow.republish([CAPACITY])


async def test_a_lease_is_renewed_also_when_it_has_run_out_but_never_anothers(scripts: RedisScripts) -> None:
    first, second = relay_store(scripts, "first"), relay_store(scripts, "second")
    first.lease_ms = 1
    await first.acquire()
    await asyncio.sleep(0.01)
    first.lease_ms = 60_000
    await first.renew()
    assert not await second.acquire()
    await first.release()
    await first.renew()
    assert await second.acquire(), "what was released is not renewed"
    await first.renew()
    assert not await first.acquire()


async def test_a_relay_that_was_held_up_while_another_worked_does_not_undo_its_notes(
    redis_store: Store, scripts: RedisScripts
) -> None:
    await hand_over(redis_store)
    log, held_up = Log(), relay_store(scripts, "first")
    await held_up.acquire()
    batch = await held_up.pending(1, 0.01)
    await scripts.redis.delete(scripts.lease)
    await Relay(relay_store(scripts, "second"), log).step()
    after = await noted(scripts)
    with pytest.raises(LeaseLost):
        await held_up.acknowledge(batch, await log.publish(batch))
    assert await noted(scripts) == after


async def test_a_lease_that_is_lost_between_kafka_and_the_note_is_a_failure_to_be_retried(
    redis_store: Store, scripts: RedisScripts
) -> None:
    class Thief(Log):
        async def publish(self, messages: Sequence[OutgoingEvent]) -> list[Acknowledgement]:
            await scripts.redis.set(scripts.lease, "another 99999999999999")
            return await super().publish(messages)

    await hand_over(redis_store)
    with pytest.raises(TransientError):
        await Relay(relay_store(scripts), Thief()).step()
    assert await noted(scripts) == {}


@pytest.mark.parametrize("taken", range(8))
async def test_whatever_kafka_took_of_a_batch_every_event_arrives_in_its_order(
    redis_store: Store, scripts: RedisScripts, taken: int
) -> None:
    await hand_over(redis_store)
    log, ids = Log(), await event_ids(redis_store)
    relay, log.takes = Relay(relay_store(scripts), log), taken
    if taken < 7:
        with pytest.raises(TransientError, match=f"{taken} of 7"):
            await relay.step()
    else:
        assert await relay.step() == 7
    log.takes = None
    restarted = Relay(relay_store(scripts), log)
    assert await restarted.step() == {6: 2, 7: 0}.get(taken, 7 - taken)
    assert list(dict.fromkeys(log.topics[CAPACITY])) == ids
    assert log.topics[HANDOVERS] == ids[-1:]
    assert await noted(scripts) == {
        b"relayed": ids[-1].removeprefix("capacity-").encode(),
        f"{CAPACITY} 0".encode(): f"{len(log.topics[CAPACITY]) - 1} {ids[-1]}".encode(),
        f"{HANDOVERS} 0".encode(): f"0 {ids[-1]}".encode(),
    }


async def test_a_hand_over_whose_second_event_was_not_acknowledged_is_sent_again_to_both_topics(
    redis_store: Store, scripts: RedisScripts
) -> None:
    await hand_over(redis_store)
    ids, log, store = await event_ids(redis_store), Log(), relay_store(scripts)
    await store.acquire()
    batch = await store.pending(100, 0.01)
    await store.acknowledge(batch[:6], await log.publish(batch[:6]))
    assert (await noted(scripts))[b"relayed"] == ids[-2].removeprefix("capacity-").encode()
    await store.acquire()
    again = await store.pending(100, 0.01)
    assert [(one.topic, one.event_id) for one in again] == [(CAPACITY, ids[-1]), (HANDOVERS, ids[-1])]
    assert again == batch[5:]
    await store.acknowledge(again, await log.publish(again))
    await store.acquire()
    assert await store.pending(100, 0.01) == []


async def test_a_restarted_relay_goes_on_where_it_was_and_knows_each_partitions_last_event(
    redis_store: Store, scripts: RedisScripts
) -> None:
    await hand_over(redis_store)
    ids, log = await event_ids(redis_store), Log()
    await Relay(relay_store(scripts), log).step()
    restarted = relay_store(scripts)
    assert await restarted.acquire()
    assert sorted(await restarted.checkpoints(), key=lambda one: one.topic) == [
        Acknowledgement(CAPACITY, 0, 5, ids[-1]),
        Acknowledgement(HANDOVERS, 0, 0, ids[-1]),
    ]
    await claim(redis_store, 9, "a")
    assert [one.event_id for one in await restarted.pending(100, 1)] == (await event_ids(redis_store))[6:]
    lookup = await redis_store.claim_pages.lookup([], NOW)
    assert lookup.relayed == (await steps(redis_store))[5].id.data_version


@pytest.mark.parametrize("lost", [CAPACITY, HANDOVERS])
async def test_what_kafka_has_lost_is_published_again_from_the_start_and_nothing_is_trimmed_then(
    redis_store: Store, scripts: RedisScripts, lost: str
) -> None:
    await hand_over(redis_store, LONG_AGO)
    ids, log = await event_ids(redis_store), Log()
    relay = Relay(relay_store(scripts), log)
    assert await relay.step() == 7
    log.topics[lost].clear()
    relay._verify_at = 0.0
    assert await relay.step() == 7
    assert await event_ids(redis_store) == ids, "trimmed only what is in Kafka"
    assert list(dict.fromkeys(log.topics[CAPACITY])) == ids
    assert log.topics[HANDOVERS][-1:] == ids[-1:]
    assert log.topics[lost] == (ids if lost == CAPACITY else ids[-1:])
    restarted = relay_store(scripts)
    await restarted.acquire()
    assert {one.event_id for one in await restarted.checkpoints()} == {ids[-1]}


async def test_republishing_begins_at_the_start_and_forgets_what_was_acknowledged(
    redis_store: Store, scripts: RedisScripts
) -> None:
    await hand_over(redis_store, LONG_AGO)
    ids, store, log = await event_ids(redis_store), relay_store(scripts), Log()
    await store.acquire()
    batch = await store.pending(100, 0.01)
    await store.acknowledge(batch, await log.publish(batch))
    await store.acquire()
    await store.republish([HANDOVERS])
    assert await noted(scripts) == {}
    assert await store.checkpoints() == []
    await store.trim()
    assert await event_ids(redis_store) == ids
    assert await store.pending(100, 0.01) == batch
    assert await store.acquire()
    assert await store.pending(100, 0.01) == batch


async def test_a_recreated_log_is_noticed_by_the_first_offset_that_it_gives(
    redis_store: Store, scripts: RedisScripts
) -> None:
    log = UnwatchedLog()
    relay = Relay(relay_store(scripts), log)
    await hand_over(redis_store)
    await relay.step()
    log.topics[CAPACITY].clear()
    await claim(redis_store, 100, "a")
    assert await relay.step() == 0
    await relay.step()
    everything = await event_ids(redis_store)
    assert log.topics[CAPACITY] == [everything[-1], *everything]


async def test_the_stream_forgets_by_age_what_was_acknowledged_and_nothing_else(
    redis_store: Store, scripts: RedisScripts
) -> None:
    now = datetime.now(UTC)
    relay = Relay(relay_store(scripts), Log())
    await hand_over(redis_store, LONG_AGO)
    for number in range(4, 34):
        await claim(redis_store, number, "a", at=now - KEEP - timedelta(days=1))
    week_old = await steps(redis_store)
    await relay.step()
    assert await steps(redis_store) == week_old, "not acknowledged when it looked"
    await claim(redis_store, 200, "a", at=now)
    await relay.step()
    relay._verify_at = 0.0
    await claim(redis_store, 201, "a", at=now - KEEP - timedelta(days=1))
    await relay.step()
    kept = await steps(redis_store)
    assert [step.data.referral_id.int for step in kept] == [200, 201]  # type: ignore[attr-defined]


async def test_a_stream_whose_steps_are_all_old_keeps_the_last_ones(
    redis_store: Store, scripts: RedisScripts, redis: Redis
) -> None:
    store = relay_store(scripts)
    relay = Relay(store, Log())
    await redis_store.programmes.open_programme(opening("a", 0), LONG_AGO)
    for day in range(2, 9):
        await claim(redis_store, 1000 + day, "a", at=datetime.now(UTC) - KEEP * (10 - day))
        await relay.step()
        await store.acquire()
        await store.trim()
        assert 1 <= await redis.xlen(scripts.events) <= 3
        assert (await steps(redis_store))[-1].data.referral_id.int == 1000 + day  # type: ignore[attr-defined]
