"""Dead letters in SQL: stored once, decided by an operator, retried without a second effect; parked messages too."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from services.kit.dead_letters.channel import SqlDeadLetterChannel
from services.kit.dead_letters.dead_letter import LARGEST, DeadLetter, DeadLetterAction, DeadLetterState
from services.kit.dead_letters.repository import KEEP, DeadLetterRepository, UnknownDeadLetter, WrongState
from services.kit.dead_letters.retries import PARKED_FOR, RESERVED_FOR, DeadLetterRetries
from services.kit.errors import Early, PermanentError, TransientError
from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.consumed_record import ConsumedRecord
from services.kit.loops import background
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
def repository(database: Database, clock: Clock) -> DeadLetterRepository:
    return DeadLetterRepository(database, dead_letters, clock)


async def only(repository: DeadLetterRepository, state: DeadLetterState = DeadLetterState.OPEN) -> DeadLetter:
    found = await repository.page(state, "", 10)
    assert found.total == len(found.items) == 1
    return await repository.find(found.items[0].id)


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
        await eventually(lambda: handler.taken == [POISON])


async def test_a_parked_message_is_retried_until_it_has_its_effect_and_nobody_decided_it(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    await repository.park("a", POISON, "came early")
    parked = await only(repository, DeadLetterState.RETRYING)
    assert (parked.message, parked.reason, parked.times) == (POISON, "came early", 1)
    handler = Handler([Early("no such referral yet")] * 4)
    retries = DeadLetterRetries(repository, "a", handler)
    for tries in range(1, 5):
        await retries.step()
        letter = await only(repository, DeadLetterState.RETRYING)
        assert (letter.tries, letter.times, letter.reason) == (tries, 1, "no such referral yet")
        assert letter.due_at is not None
        await retries.step()
        assert len(handler.failures) == 4 - tries, "not before it is due"
        clock.now = letter.due_at
    await retries.step()
    assert handler.taken == [POISON]
    settled = await repository.find(parked.id)
    assert (settled.state, settled.decided_by, settled.due_at) == (DeadLetterState.SETTLED, None, None)
    clock.now = settled.last_at + KEEP
    await repository.trim()
    assert await repository.find(parked.id) == settled
    clock.now += timedelta(seconds=1)
    await repository.trim()
    with pytest.raises(UnknownDeadLetter):
        await repository.find(parked.id)


async def test_a_message_parked_again_has_its_whole_time_again(repository: DeadLetterRepository, clock: Clock) -> None:
    handler = Handler([])
    retries = DeadLetterRetries(repository, "a", handler)
    await repository.park("a", POISON, "came early")
    await retries.step()
    assert handler.taken == [POISON]
    clock.now += timedelta(minutes=5)
    await repository.park("a", POISON, "came early")
    handler.failures.append(Early("no such referral yet"))
    await retries.step()
    assert (await only(repository, DeadLetterState.RETRYING)).first_at == clock.now


async def passes(repository: DeadLetterRepository, retries: DeadLetterRetries, clock: Clock, seconds: int) -> None:
    """So much time, in which `retries` steps each second for as long as its letter is retrying."""
    for _ in range(seconds):
        await retries.step()
        if not (await repository.counts("a"))[DeadLetterState.RETRYING]:
            return
        clock.now += timedelta(seconds=1)


async def test_a_message_that_is_still_early_after_its_time_is_open_with_its_reason(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    await repository.park("a", POISON, "came early")
    began = clock.now
    handler = Handler([Early("no such referral")] * 1000)
    await passes(repository, DeadLetterRetries(repository, "a", handler), clock, 1000)
    letter = await only(repository)
    assert PARKED_FOR < clock.now - began <= 2 * PARKED_FOR + timedelta(seconds=1), "the last pause is as long as that"
    assert (letter.reason, letter.times, letter.last_at, letter.due_at) == ("no such referral", 2, clock.now, None)
    assert letter.allowed_actions == (DeadLetterAction.RETRY, DeadLetterAction.DISCARD)
    await repository.retry(letter.id, "operator:1")
    await DeadLetterRetries(repository, "a", handler).step()
    assert (await only(repository)).times == 3, "the operator is told at once"
    handler.failures.clear()
    await repository.retry(letter.id, "operator:1")
    await DeadLetterRetries(repository, "a", handler).step()
    assert handler.taken == [POISON]


async def test_how_long_a_message_is_parked_is_the_loops_own(repository: DeadLetterRepository, clock: Clock) -> None:
    await repository.park("a", POISON, "came early")
    handler = Handler([Early("no such referral")] * 2)
    retries = DeadLetterRetries(repository, "a", handler, parked_for=timedelta(seconds=3))
    await retries.step()
    clock.now += timedelta(seconds=3)
    await passes(repository, retries, clock, 2)
    assert (await repository.counts("a"))[DeadLetterState.RETRYING] == 1, "exactly so long is not longer"


async def test_a_parked_message_whose_retry_fails_otherwise_is_not_opened_for_its_age(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    await repository.park("a", POISON, "came early")
    handler = Handler([TransientError("capacity is down")] * 1000)
    await passes(repository, DeadLetterRetries(repository, "a", handler), clock, 150)
    assert (await only(repository, DeadLetterState.RETRYING)).reason == "capacity is down"
    handler.failures[:] = [PermanentError("no such center")]
    await passes(repository, DeadLetterRetries(repository, "a", handler), clock, 150)
    assert (await only(repository)).reason == "no such center"


async def test_parking_a_known_message_changes_nothing_unless_it_was_settled(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    await repository.store("a", POISON, "no event")
    id = (await only(repository)).id

    async def is_unchanged_by_parking() -> bool:
        before = await repository.find(id)
        clock.now += timedelta(minutes=1)
        await repository.park("a", ConsumedRecord(POISON.topic, 0, 7, POISON.key, POISON.value), "came early")
        return await repository.find(id) == before

    assert await is_unchanged_by_parking(), "open"
    await repository.discard(id, "operator:1", "nothing")
    assert await is_unchanged_by_parking(), "discarded"
    await repository.retry(id, "operator:1")
    assert await is_unchanged_by_parking(), "retrying"
    await DeadLetterRetries(repository, "a", Handler()).step()
    assert not await is_unchanged_by_parking(), "settled: its effect was lost since, or it would not have come early"
    again = await repository.find(id)
    assert (again.state, again.due_at, again.reason) == ("retrying", clock.now, "came early")


async def test_a_parked_message_that_comes_again_stays_parked(repository: DeadLetterRepository, clock: Clock) -> None:
    await repository.park("a", POISON, "came early")
    parked = await only(repository, DeadLetterState.RETRYING)
    clock.now += timedelta(seconds=1)
    await repository.park("a", POISON, "came early again")
    assert await only(repository, DeadLetterState.RETRYING) == parked
    assert await repository.store("a", POISON, "and was refused") is True
    assert (await only(repository, DeadLetterState.RETRYING)).due_at == parked.due_at
    await repository.park("b", POISON, "came early to another consumer")
    assert (await repository.page(DeadLetterState.RETRYING, "", 10)).total == 2


async def test_an_early_message_too_large_to_be_stored_is_open_since_it_cannot_be_retried(
    repository: DeadLetterRepository,
) -> None:
    await repository.park("a", ConsumedRecord("t.events.v1", 0, 0, b"k", b"x" * LARGEST), "came early")
    handler = Handler()
    await DeadLetterRetries(repository, "a", handler).step()
    assert handler.taken == []
    assert ((await only(repository)).reason, (await only(repository)).too_large) == ("came early", True)


@dataclass
class Referrals:
    """A handler: a child's referral must be there before what happens to it. Each message has its effect once."""

    effects: list[str] = field(default_factory=list)

    async def __call__(self, batch: Sequence[ConsumedRecord]) -> Sequence[ConsumedRecord]:
        early = []
        for message in batch:
            name = (message.value or b"").decode()
            if name != "created" and "created" not in self.effects:
                early.append(message)
            elif name not in self.effects:
                self.effects.append(name)
        return early

    async def one(self, message: ConsumedRecord) -> None:
        """As the retries call it."""
        if await self([message]):
            raise Early("there is no such referral yet")


class Crash(BaseException): ...


@dataclass(frozen=True)
class CrashingChannel(SqlDeadLetterChannel):
    """Its process ends before it parks the second message."""

    async def park(self, message: ConsumedRecord) -> None:
        if message.value == b"admitted":
            raise Crash
        await super().park(message)


async def test_messages_that_come_before_what_they_build_on_have_their_effect_after_it_though_a_process_crashed(
    repository: DeadLetterRepository, clock: Clock
) -> None:
    names = ["accepted", "admitted", "other"]
    batch = [ConsumedRecord("t.events.v1", 0, at, b"k", name.encode()) for at, name in enumerate(names)]
    referrals = Referrals()
    with pytest.raises(Crash):
        await BatchProcessor("a", referrals, CrashingChannel(None, repository, "a")).process(batch)
    await BatchProcessor("a", referrals, SqlDeadLetterChannel(None, repository, "a")).process(batch)
    assert (await repository.counts("a"))[DeadLetterState.RETRYING] == 3
    retries = DeadLetterRetries(repository, "a", referrals.one)
    await retries.step()
    assert referrals.effects == []
    created = ConsumedRecord("t.events.v1", 1, 0, b"k", b"created")
    await BatchProcessor("a", referrals, SqlDeadLetterChannel(None, repository, "a")).process([created])
    clock.now += timedelta(seconds=1)
    await retries.step()
    assert referrals.effects[0] == "created"
    assert sorted(referrals.effects[1:]) == names
    assert await repository.counts("a") == {DeadLetterState.OPEN: 0, DeadLetterState.RETRYING: 0}
