"""Dead letters in SQL: kept once, decided by somebody, tried again without a second effect."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from services.kit.dead_letters import retries as letter_retries
from services.kit.dead_letters.dead_letter import LARGEST, DeadLetter, DeadLetterAction, DeadLetterState
from services.kit.dead_letters.repository import KEEP, DeadLetterRepository, UnknownDeadLetter, WrongState
from services.kit.dead_letters.retries import DeadLetterRetries, retrying
from services.kit.errors import PermanentError, TransientError
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.sql.database import Database
from tests.integration.kit.tables import dead_letters
from tests.support.eventually import eventually

POISON = ConsumedRecord("t.events.v1", 2, 40, b"k", b"\xff{")
NOBODY = "019a2b3c-0000-7000-8000-000000000001"


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(database: Database, clock: Clock) -> DeadLetterRepository:
    return DeadLetterRepository(database, dead_letters, clock)


async def only(book: DeadLetterRepository, state: DeadLetterState = DeadLetterState.OPEN) -> DeadLetter:
    found = await book.page(state, "", 10)
    assert found.total == len(found.items) == 1
    return await book.find(found.items[0].id)


async def test_a_message_is_one_letter_however_often_and_wherever_it_comes(
    book: DeadLetterRepository, clock: Clock
) -> None:
    assert await book.record("a", POISON, "no event") is False
    first, clock.now = clock.now, clock.now + timedelta(days=3)
    again = ConsumedRecord(POISON.topic, 0, 7, POISON.key, POISON.value)
    assert await book.record("a", again, "still none") is True
    letter = await only(book)
    assert letter.message == again
    assert (letter.times, letter.first_at, letter.last_at, letter.reason) == (2, first, clock.now, "still none")
    others = [
        ("b", POISON),
        ("a", ConsumedRecord("t.other.v1", 0, 0, b"k", b"\xff{")),
        ("a", ConsumedRecord(POISON.topic, 2, 41, None, b"\xff{")),
    ]
    assert [await book.record(consumer, message, "x") for consumer, message in others] == [False] * 3
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


async def test_two_processes_that_record_one_message_at_once_make_one_letter(
    book: DeadLetterRepository, other: Callable[[], Database], clock: Clock
) -> None:
    second = DeadLetterRepository(other(), dead_letters, clock)

    async def record(one: DeadLetterRepository) -> None:
        try:
            await one.record("a", POISON, "no event")
        except TransientError:
            await one.record("a", POISON, "no event")

    await asyncio.gather(*(record(one) for one in (book, second) * 5))
    assert (await only(book)).times == 10
    await second.database.close()


async def test_reasons_that_no_database_takes_are_mended(book: DeadLetterRepository) -> None:
    await book.record("a", POISON, "nul \x00 half \ud83d " + "long" * 1000)
    assert (await only(book)).reason.startswith("nul  half ? long")
    assert len((await only(book)).reason) == 999


async def test_what_is_too_large_is_known_by_its_size_and_can_only_be_discarded(book: DeadLetterRepository) -> None:
    await book.record("a", ConsumedRecord("t.events.v1", 0, 0, b"k", b"x" * LARGEST), "too long")
    letter = await only(book)
    assert (letter.key, letter.value, letter.size) == (None, None, LARGEST + 1)
    assert letter.allowed_actions == (DeadLetterAction.DISCARD,)
    with pytest.raises(WrongState, match="too large to be kept: retry is not possible"):
        await book.retry(letter.id, "operator:1")


@dataclass
class Handler:
    """Takes messages, or raises the next of `failures`."""

    failures: list[Exception] = field(default_factory=list)
    taken: list[ConsumedRecord] = field(default_factory=list)

    async def __call__(self, message: ConsumedRecord) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(message)


async def test_a_retry_has_its_effect_once_however_often_it_is_asked_for(
    book: DeadLetterRepository, clock: Clock
) -> None:
    await book.record("a", POISON, "no such center")
    handler, id = Handler(), (await only(book)).id
    retries = DeadLetterRetries(book, "a", handler)
    await retries.step()
    assert handler.taken == []
    asked = await book.retry(id, "operator:1")
    assert (asked.state, asked.decided_by, asked.decided_at) == ("retrying", "operator:1", clock.now)
    assert await book.retry(id, "operator:2") == asked
    await retries.step()
    assert handler.taken == [POISON]
    settled = await book.find(id)
    assert (settled.state, settled.times, settled.decided_by) == ("settled", 1, "operator:1")
    assert await book.retry(id, "operator:2") == settled
    await retries.step()
    assert handler.taken == [POISON]
    with pytest.raises(WrongState, match="is settled: discard"):
        await book.discard(id, "operator:1", "why not")


async def test_a_refused_retry_is_open_again_with_the_new_reason(book: DeadLetterRepository) -> None:
    await book.record("a", POISON, "old")
    id = (await only(book)).id
    await book.retry(id, "operator:1")
    retries = DeadLetterRetries(book, "a", Handler([PermanentError("new")]))
    await retries.step()
    letter = await only(book)
    assert (letter.reason, letter.times) == ("new", 2)
    assert REGISTRY.get_sample_value("joldama_dead_letters", {"consumer": "a", "state": "open"}) == 1
    await book.retry(id, "operator:1")
    await retries.step()
    assert (await book.find(id)).state == DeadLetterState.SETTLED
    assert REGISTRY.get_sample_value("joldama_dead_letters", {"consumer": "a", "state": "open"}) == 0


async def test_a_retry_that_may_pass_later_is_tried_later_and_others_are_not_held_up(
    book: DeadLetterRepository, clock: Clock
) -> None:
    handler = Handler([TransientError("capacity is down")] * 2)
    for number in range(3):
        await book.record("a", ConsumedRecord("t.events.v1", 0, number, b"%d" % number, b""), "x")
    for one in (await book.page(DeadLetterState.OPEN, "", 10)).items:
        await book.retry(one.id, "operator:1")
    await DeadLetterRetries(book, "a", handler).step()
    assert [one.offset for one in handler.taken] == [2]
    waiting = (await book.page(DeadLetterState.RETRYING, "", 10)).items
    assert [(one.tries, one.reason, one.times) for one in waiting] == [(1, "capacity is down", 1)] * 2
    with pytest.raises(WrongState):
        await book.discard(waiting[0].id, "operator:1", "no patience")
    clock.now += timedelta(seconds=1)
    await DeadLetterRetries(book, "a", handler).step()
    assert sorted(one.offset for one in handler.taken) == [0, 1, 2]


async def test_a_retry_whose_process_died_is_taken_by_another_after_a_while(
    book: DeadLetterRepository, clock: Clock
) -> None:
    await book.record("a", POISON, "x")
    await book.retry((await only(book)).id, "operator:1")
    died = await book.take("a", letter_retries.MINE_FOR)
    assert died
    handler = Handler()
    await DeadLetterRetries(book, "a", handler).step()
    assert handler.taken == []
    clock.now += letter_retries.MINE_FOR
    await DeadLetterRetries(book, "a", handler).step()
    assert handler.taken == [POISON]
    await book.put_back(died, "too late to say so")
    assert (await book.find(died.id)).state == DeadLetterState.SETTLED


async def test_twenty_who_take_letters_at_once_take_each_once(book: DeadLetterRepository) -> None:
    for number in range(5):
        await book.record("a", ConsumedRecord("t.events.v1", 0, number, b"%d" % number, b""), "x")
    for one in (await book.page(DeadLetterState.OPEN, "", 10)).items:
        await book.retry(one.id, "operator:1")
    handlers = [Handler() for _ in range(20)]
    await asyncio.gather(*(DeadLetterRetries(book, "a", one).step() for one in handlers))
    assert sorted(one.offset for handler in handlers for one in handler.taken) == [0, 1, 2, 3, 4]


async def test_what_was_discarded_stays_so_when_it_comes_again_and_may_be_retried(book: DeadLetterRepository) -> None:
    await book.record("a", POISON, "x")
    id = (await only(book)).id
    gone = await book.discard(id, "operator:1", "a test's own")
    assert (gone.state, gone.note, gone.allowed_actions) == ("discarded", "a test's own", (DeadLetterAction.RETRY,))
    assert await book.discard(id, "operator:2", "another word") == gone
    assert await book.record("a", POISON, "y") is True
    assert ((await book.find(id)).state, (await book.find(id)).times) == ("discarded", 2)
    await book.retry(id, "operator:2")
    await DeadLetterRetries(book, "a", Handler()).step()
    assert (await book.find(id)).state == DeadLetterState.SETTLED
    assert await book.record("a", POISON, "z") is True
    assert (await only(book)).reason == "z"


async def test_letters_are_paged_the_oldest_first_and_nobody_else_has_them(book: DeadLetterRepository) -> None:
    for number in range(5):
        await book.record("a", ConsumedRecord("t.events.v1", 0, number, b"%d" % number, b"v"), "x")
    first = await book.page(DeadLetterState.OPEN, "", 3)
    rest = await book.page(DeadLetterState.OPEN, first.items[-1].id, 3)
    assert [one.offset for one in (*first.items, *rest.items)] == [0, 1, 2, 3, 4]
    assert (first.total, rest.total, first.more, rest.more) == (5, 5, True, False)
    assert await book.counts("b") == {DeadLetterState.OPEN: 0, DeadLetterState.RETRYING: 0}
    for call in (book.find(NOBODY), book.retry(NOBODY, "o"), book.discard(NOBODY, "o", "n")):
        with pytest.raises(UnknownDeadLetter):
            await call


async def test_only_what_was_decided_long_ago_is_forgotten(book: DeadLetterRepository, clock: Clock) -> None:
    other = ConsumedRecord("t.events.v1", 0, 0, b"other", b"")
    await book.record("a", POISON, "x")
    await book.discard((await only(book)).id, "operator:1", "nothing")
    await book.record("a", other, "x")
    clock.now += KEEP
    await book.trim()
    assert (await only(book, DeadLetterState.DISCARDED)).message == POISON
    clock.now += timedelta(seconds=1)
    await book.trim()
    assert (await book.page(DeadLetterState.DISCARDED, "", 10)).total == 0
    assert (await only(book)).message == other


async def test_the_loop_tries_what_is_asked_for_by_itself(
    book: DeadLetterRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_retries, "EVERY", 0.01)
    await book.record("a", POISON, "x")
    handler, id = Handler([KeyError("field")]), (await only(book)).id
    async with retrying(DeadLetterRetries(book, "a", handler)):
        await book.retry(id, "operator:1")

        async def refused() -> bool:
            return (await book.find(id)).reason == "KeyError: 'field'"

        await eventually(refused)
        await book.retry(id, "operator:1")
        await eventually(lambda: handler.taken == [POISON])
