"""A lease in the database: one owner at a time, for as long as it renews."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlmodel import Session

from services.kit.errors import LeaseLost, TransientError
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from tests.integration.kit.conftest import pending
from tests.integration.kit.tables import leases, message, outbox
from tests.support.eventually import eventually

LONG, SHORT = 600_000, 1
"""Milliseconds: nothing ends meanwhile, and nothing is waited for."""


def make_lease(database: Database, milliseconds: int = LONG, name: str = "relay") -> Lease:
    """A lease of an owner of its own."""
    return Lease(database, leases, name, milliseconds)


async def until(database: Database, name: str = "relay") -> int:
    return await database.read(lambda s: s.execute(select(leases.c.until).where(leases.c.name == name)).scalar_one())


async def test_one_of_two_owners_has_it_until_it_gives_it_back(
    database: Database, other: Callable[[], Database]
) -> None:
    first, second = make_lease(database), make_lease(other())
    assert await first.acquire()
    assert not await second.acquire()
    assert await first.acquire(), "it is renewed"
    assert not await second.acquire()
    await second.release()
    assert not await second.acquire(), "nobody gives back what another has"
    await first.release()
    assert await second.acquire()
    assert not await first.acquire()


async def test_a_renewal_moves_its_end(database: Database) -> None:
    first = make_lease(database)
    assert await first.acquire()
    end = await until(database)

    async def moved() -> bool:
        assert await first.acquire()
        return await until(database) > end

    await eventually(moved)


async def test_one_that_is_not_renewed_is_taken_after_its_end_and_the_old_owner_is_refused(
    database: Database, other: Callable[[], Database]
) -> None:
    first, second = make_lease(database, SHORT), make_lease(other())
    assert await first.acquire()
    await eventually(second.acquire, "the lease has ended")
    assert not await first.acquire()
    await first.release()
    assert not await first.acquire()
    assert await second.acquire()


async def test_an_owner_whose_lease_has_ended_renews_it_where_nobody_else_has_taken_it(database: Database) -> None:
    first = make_lease(database, SHORT)
    for _ in range(3):
        assert await first.acquire()


async def test_leases_of_other_names_are_others(database: Database) -> None:
    first, second = (Lease(database, leases, name, LONG, owner="of both") for name in ("relay", "sweep"))
    for lease in (first, second):
        assert await lease.acquire()
    await first.release()
    assert not await make_lease(database, name="sweep").acquire()
    assert await make_lease(database, name="relay").acquire()


async def test_of_ten_owners_that_start_at_once_one_has_it(database: Database, other: Callable[[], Database]) -> None:
    ten = [make_lease(other()) for _ in range(10)]
    acquired = await asyncio.gather(*(one.acquire() for one in ten))
    assert sorted(acquired) == [False] * 9 + [True]


@pytest.mark.parametrize("clock", [0.0, 4_000_000_000.0])
async def test_a_process_with_a_wrong_clock_neither_takes_anothers_nor_gives_its_own_away(
    database: Database, other: Callable[[], Database], clock: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_lease(database), make_lease(other())
    assert await first.acquire()
    with monkeypatch.context() as wrong:
        wrong.setattr("time.time", lambda: clock)
        assert not await second.acquire()
        assert await first.acquire()
    assert not await second.acquire()


async def test_what_is_done_under_it_is_undone_when_another_has_it(
    database: Database, other: Callable[[], Database]
) -> None:
    first, second = make_lease(database, SHORT), make_lease(other())

    async def add_under_it(number: int) -> None:
        def work(session: Session) -> None:
            outbox.add(session, [message(number)])
            first.require(session)

        await database.write(work)

    assert await first.acquire()
    await add_under_it(1)
    assert await pending(database) == 1
    await eventually(second.acquire, "the lease has ended")
    with pytest.raises(LeaseLost, match="the lease relay is another process's"):
        await add_under_it(2)
    await second.release()
    with pytest.raises(LeaseLost):
        await add_under_it(3)
    assert await pending(database) == 1
    assert issubclass(LeaseLost, TransientError), "a retry asks for it again"


async def test_one_that_has_ended_and_nobody_has_taken_is_still_its_owners(database: Database) -> None:
    """The fence is the owner and not the time: so a slow owner without a rival makes progress."""
    first, rival = make_lease(database, SHORT), make_lease(database)
    assert await first.acquire()

    async def ended() -> bool:
        return await database.read(_has_ended)

    await eventually(ended)
    await database.write(first.require)
    assert await rival.acquire()


def _has_ended(session: Session) -> bool:
    clocks = {"sqlite": "(julianday('now') - 2440587.5) * 86400000", "postgresql": "extract(epoch from now()) * 1000"}
    return bool(session.execute(select(leases.c.until < text(clocks[session.get_bind().dialect.name]))).scalar_one())


async def test_nobody_takes_it_between_the_requirement_and_the_commit(
    database: Database, other: Callable[[], Database]
) -> None:
    first, rival = make_lease(database, SHORT), make_lease(other())
    assert await first.acquire()
    with ThreadPoolExecutor(1) as threads:

        def work(session: Session) -> Future[bool]:
            first.require(session)
            taking = threads.submit(asyncio.run, rival.acquire())
            with pytest.raises(TimeoutError):
                taking.result(0.3)
            outbox.add(session, [message(1)])
            return taking

        taking = await database.write(work)
    assert await pending(database) == 1
    assert taking.result(), "the rival has it after the commit"
