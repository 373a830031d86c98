"""Messages that come before what they build on: parked, retried, and open with their reason after their time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from services.kit.dead_letters.channel import SqlDeadLetterChannel
from services.kit.dead_letters.dead_letter import LARGEST, DeadLetterAction, DeadLetterState
from services.kit.dead_letters.repository import KEEP, DeadLetterRepository, UnknownDeadLetter
from services.kit.dead_letters.retries import PARKED_FOR, DeadLetterRetries
from services.kit.errors import Early, PermanentError, TransientError
from services.kit.kafka.batch_processor import BatchProcessor
from services.kit.kafka.consumed_record import ConsumedRecord
from tests.integration.kit.letters import POISON, Clock, Handler, only


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
