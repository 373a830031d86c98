"""Sessions in a real Valkey: when they end, and what stays ended."""

from collections.abc import AsyncIterator
from dataclasses import replace
from time import time

import pytest
from redis.asyncio import Redis

from services.console.sign_in.kept import Kept
from services.console.sign_in.sealing import Seal
from services.console.sign_in.sessions import Session, Sessions
from services.contracts.vocabulary import Role
from tests.support.eventually import eventually

KEY, NEWER = b"0123456789abcdef-one-key-of-test", b"0123456789abcdef-two-key-of-test"
HOUR = 3600


class Clock:
    def __init__(self) -> None:
        self.now = time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def redis(valkey: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey)
    yield client
    await client.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def session(clock: Clock) -> Session:
    return Session(
        "s-1", Role.CENTER, "c1", {"kk": "бір"}, "token", clock.now + HOUR, clock.now, provider_session="sid"
    )


def sessions(redis: Redis, prefix: str, clock: Clock, idle: float = HOUR, *keys: bytes) -> Sessions:
    return Sessions(redis, Seal(keys or (KEY,)), prefix, idle, 10 * HOUR, clock)


async def test_a_session_is_what_was_kept(redis: Redis, prefix: str, clock: Clock, session: Session) -> None:
    kept = sessions(redis, prefix, clock)
    assert await kept.find(await kept.begin(session)) == session
    assert await kept.find("another secret") is None


async def test_an_idle_session_ends_and_one_that_is_looked_at_by_a_script_too(
    redis: Redis, prefix: str, clock: Clock, session: Session
) -> None:
    kept = sessions(redis, prefix, clock, 1.0)
    secret = await kept.begin(session)

    async def over() -> bool:
        """Each look renews the token as well, as a live page does, and neither keeps the session."""
        await kept.update(secret, replace(session, access_token="newer"))
        return await kept.find(secret, active=False) is None

    await eventually(over, "the session is over")
    assert await redis.keys(f"{prefix}:session:*") == [], "and it stays over"


async def test_a_session_ends_after_ten_hours_however_busy(
    redis: Redis, prefix: str, clock: Clock, session: Session
) -> None:
    kept = sessions(redis, prefix, clock)
    secret = await kept.begin(session)
    for _ in range(19):
        clock.now += HOUR / 2
        assert await kept.find(secret), "it is in use"
    clock.now += HOUR
    assert await kept.find(secret) is None


async def test_what_has_ended_stays_ended(redis: Redis, prefix: str, clock: Clock, session: Session) -> None:
    kept = sessions(redis, prefix, clock)
    secret = await kept.begin(session)
    await kept.end(secret)
    await kept.update(secret, session)
    assert await kept.find(secret) is None, "also when its token was just being renewed"


async def test_the_provider_ends_one_sign_in_or_all_of_a_person(
    redis: Redis, prefix: str, clock: Clock, session: Session
) -> None:
    kept = sessions(redis, prefix, clock)
    one, two = await kept.begin(session), await kept.begin(replace(session, provider_session="other"))
    assert await kept.end_all(subject="s-1", provider_session="sid") == 1
    assert [await kept.find(secret) is None for secret in (one, two)] == [True, False]
    assert await kept.end_all(subject="s-1") == 1
    assert await kept.find(two) is None


async def test_a_new_key_reads_what_the_old_one_has_sealed_and_another_does_not(
    redis: Redis, prefix: str, clock: Clock, session: Session
) -> None:
    secret = await sessions(redis, prefix, clock).begin(session)
    assert await sessions(redis, prefix, clock, HOUR, NEWER, KEY).find(secret) == session
    assert await sessions(redis, prefix, clock, HOUR, NEWER).find(secret) is None


async def test_a_kept_form_is_taken_once(redis: Redis, prefix: str) -> None:
    kept = Kept(redis, Seal([KEY]), prefix, 60)
    secret = await kept.keep({"name": "Айгерім"})
    assert [await kept.take(secret), await kept.take(secret)] == [{"name": "Айгерім"}, None]
