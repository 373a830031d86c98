"""Dead letters in SQL: stored once, decided by an operator, retried without a second effect."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from services.kit.dead_letters.dead_letter import LARGEST, DeadLetterAction, DeadLetterState
from services.kit.dead_letters.repository import KEEP, DeadLetterRepository, UnknownDeadLetter, WrongState
from services.kit.dead_letters.retries import RESERVED_FOR, DeadLetterRetries
from services.kit.errors import PermanentError, TransientError
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.loops import background
from services.kit.sql.database import Database
from tests.integration.kit.letters import POISON, Clock, Handler, only
from tests.integration.kit.tables import dead_letters
from tests.support.eventually import eventually

NOBODY = "019a2b3c-0000-7000-8000-000000000001"


async def test_a_message_is_one_letter_however_often_and_wherever_it_comes(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    assert await repository.store("a", POISON, "no event") is False
    first, clock.now = clock.now, clock.now + timedelta(days=3)
    again = ConsumedRecord(POISON.topic, 0, 7, POISON.key, POISON.value)
    assert await repository.store("a", again, "still none") is True
    letter = await only(repository)
    assert letter.message == again
    assert (letter.times, letter.first_at, letter.last_at, letter.reason) == (2, first, clock.now, "still none")
    others = [
        ("b", POISON),
        ("a", ConsumedRecord("t.other.v1", 0, 0, b"k", b"\xff{")),
        ("a", ConsumedRecord(POISON.topic, 2, 41, None, b"\xff{")),
    ]
    assert [await repository.store(consumer, message, "x") for consumer, message in others] == [False] * 3
    assert (
        len(
            {
                POISON.digest,
                ConsumedRecord("t", 0, 0, b"k\xff", b"{").digest,
                ConsumedRecord("t", 0, 0, b"", b"k\xff{").digest,
            }
        )
        == 3
    )


async def test_two_processes_that_store_one_message_at_once_make_one_letter(
    repository: DeadLetterRepository, other: Callable[[], Database], clock: Clock
) -> None:
    second = DeadLetterRepository(other(), dead_letters, clock)

    async def store(one: DeadLetterRepository) -> None:
        try:
            await one.store("a", POISON, "no event")
        except TransientError:
            await one.store("a", POISON, "no event")

    await asyncio.gather(*(store(one) for one in (repository, second) * 5))
    assert (await only(repository)).times == 10


async def test_reasons_that_no_database_takes_are_mended(repository: DeadLetterRepository) -> None:
    await repository.store("a", POISON, "nul \x00 half \ud83d " + "long" * 1000)
    assert (await only(repository)).reason.startswith("nul  half ? long")
    assert len((await only(repository)).reason) == 999


async def test_what_is_too_large_is_known_by_its_size_and_can_only_be_discarded(
    repository: DeadLetterRepository,
) -> None:
    await repository.store("a", ConsumedRecord("t.events.v1", 0, 0, b"k", b"x" * LARGEST), "too long")
    letter = await only(repository)
    assert (letter.key, letter.value, letter.size) == (None, None, LARGEST + 1)
    assert letter.allowed_actions == (DeadLetterAction.DISCARD,)
    with pytest.raises(WrongState, match="too large to be stored: retry is not possible"):
        await repository.retry(letter.id, "operator:1")


async def test_a_retry_has_its_effect_once_however_often_it_is_asked_for(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    await repository.store("a", POISON, "no such center")
    handler, id = Handler(), (await only(repository)).id
    retries = DeadLetterRetries(repository, "a", handler)
    await retries.step()
    assert handler.taken == []
    asked = await repository.retry(id, "operator:1")
    assert (asked.state, asked.decided_by, asked.decided_at) == ("retrying", "operator:1", clock.now)
    assert await repository.retry(id, "operator:2") == asked
    await retries.step()
    assert handler.taken == [POISON]
    settled = await repository.find(id)
    assert (settled.state, settled.times, settled.decided_by) == ("settled", 1, "operator:1")
    assert await repository.retry(id, "operator:2") == settled
    await retries.step()
    assert handler.taken == [POISON]
    with pytest.raises(WrongState, match="is settled: discard"):
        await repository.discard(id, "operator:1", "why not")


async def test_a_refused_retry_is_open_again_with_the_new_reason(repository: DeadLetterRepository) -> None:
    await repository.store("a", POISON, "old")
    id = (await only(repository)).id
    await repository.retry(id, "operator:1")
    retries = DeadLetterRetries(repository, "a", Handler([PermanentError("new")]))
    await retries.step()
    letter = await only(repository)
    assert (letter.reason, letter.times) == ("new", 2)
    assert REGISTRY.get_sample_value("joldama_dead_letters", {"consumer": "a", "state": "open"}) == 1
    await repository.retry(id, "operator:1")
    await retries.step()
    assert (await repository.find(id)).state == DeadLetterState.SETTLED
    assert REGISTRY.get_sample_value("joldama_dead_letters", {"consumer": "a", "state": "open"}) == 0


async def test_a_retry_that_may_pass_later_is_tried_later_and_others_are_not_held_up(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    handler = Handler([TransientError("capacity is down")] * 2)
    for number in range(3):
        await repository.store("a", ConsumedRecord("t.events.v1", 0, number, b"%d" % number, b""), "x")
    for one in (await repository.page(DeadLetterState.OPEN, "", 10)).items:
        await repository.retry(one.id, "operator:1")
    await DeadLetterRetries(repository, "a", handler).step()
    assert [one.offset for one in handler.taken] == [2]
    waiting = (await repository.page(DeadLetterState.RETRYING, "", 10)).items
    assert [(one.tries, one.reason, one.times) for one in waiting] == [(1, "capacity is down", 1)] * 2
    with pytest.raises(WrongState):
        await repository.discard(waiting[0].id, "operator:1", "no patience")
    clock.now += timedelta(seconds=1)
    await DeadLetterRetries(repository, "a", handler).step()
    assert sorted(one.offset for one in handler.taken) == [0, 1, 2]


async def test_a_retry_whose_process_died_is_taken_by_another_after_a_while(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    await repository.store("a", POISON, "x")
    await repository.retry((await only(repository)).id, "operator:1")
    died = await repository.next_due("a", RESERVED_FOR)
    assert died
    handler = Handler()
    await DeadLetterRetries(repository, "a", handler).step()
    assert handler.taken == []
    clock.now += RESERVED_FOR
    await DeadLetterRetries(repository, "a", handler).step()
    assert handler.taken == [POISON]
    await repository.reopen(died, "too late to say so")
    assert (await repository.find(died.id)).state == DeadLetterState.SETTLED


async def test_twenty_who_take_letters_at_once_take_each_once(repository: DeadLetterRepository) -> None:
    for number in range(5):
        await repository.store("a", ConsumedRecord("t.events.v1", 0, number, b"%d" % number, b""), "x")
    for one in (await repository.page(DeadLetterState.OPEN, "", 10)).items:
        await repository.retry(one.id, "operator:1")
    handlers = [Handler() for _ in range(20)]
    await asyncio.gather(*(DeadLetterRetries(repository, "a", one).step() for one in handlers))
    assert sorted(one.offset for handler in handlers for one in handler.taken) == [0, 1, 2, 3, 4]


async def test_what_was_discarded_stays_so_when_it_comes_again_and_may_be_retried(
    repository: DeadLetterRepository,
) -> None:
    await repository.store("a", POISON, "x")
    id = (await only(repository)).id
    gone = await repository.discard(id, "operator:1", "a test's own")
    assert (gone.state, gone.note, gone.allowed_actions) == ("discarded", "a test's own", (DeadLetterAction.RETRY,))
    assert await repository.discard(id, "operator:2", "another word") == gone
    assert await repository.store("a", POISON, "y") is True
    assert ((await repository.find(id)).state, (await repository.find(id)).times) == ("discarded", 2)
    await repository.retry(id, "operator:2")
    await DeadLetterRetries(repository, "a", Handler()).step()
    assert (await repository.find(id)).state == DeadLetterState.SETTLED
    assert await repository.store("a", POISON, "z") is True
    assert (await only(repository)).reason == "z"


async def test_letters_are_paged_the_oldest_first_and_nobody_else_has_them(repository: DeadLetterRepository) -> None:
    for number in range(5):
        await repository.store("a", ConsumedRecord("t.events.v1", 0, number, b"%d" % number, b"v"), "x")
    first = await repository.page(DeadLetterState.OPEN, "", 3)
    rest = await repository.page(DeadLetterState.OPEN, first.items[-1].id, 3)
    assert [one.offset for one in (*first.items, *rest.items)] == [0, 1, 2, 3, 4]
    assert (first.total, rest.total, first.more, rest.more) == (5, 5, True, False)
    assert await repository.counts("b") == {DeadLetterState.OPEN: 0, DeadLetterState.RETRYING: 0}
    for call in (repository.find(NOBODY), repository.retry(NOBODY, "o"), repository.discard(NOBODY, "o", "n")):
        with pytest.raises(UnknownDeadLetter):
            await call


async def test_only_what_was_decided_long_ago_is_forgotten(repository: DeadLetterRepository, clock: Clock) -> None:
    other = ConsumedRecord("t.events.v1", 0, 0, b"other", b"")
    await repository.store("a", POISON, "x")
    await repository.discard((await only(repository)).id, "operator:1", "nothing")
    await repository.store("a", other, "x")
    clock.now += KEEP
    await repository.trim()
    assert (await only(repository, DeadLetterState.DISCARDED)).message == POISON
    clock.now += timedelta(seconds=1)
    await repository.trim()
    assert (await repository.page(DeadLetterState.DISCARDED, "", 10)).total == 0
    assert (await only(repository)).message == other


async def test_the_loop_retries_what_is_asked_for_by_itself(repository: DeadLetterRepository) -> None:
    await repository.store("a", POISON, "x")
    handler, id = Handler([KeyError("field")]), (await only(repository)).id
    async with background(DeadLetterRetries(repository, "a", handler, every=0.01).run()):
        await repository.retry(id, "operator:1")

        async def refused() -> bool:
            return (await repository.find(id)).reason == "KeyError: 'field'"

        await eventually(refused)
        await repository.retry(id, "operator:1")
        assert await eventually(lambda: handler.taken == [POISON])
