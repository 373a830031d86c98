"""Sweeping in turn: of all processes one, step by step, and what fails is tried again."""

from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import MetaData
from sqlmodel import Session

from services.kit.errors import TransientError
from services.kit.loops import background
from services.kit.retention import Kept, Step, days, keep_sweeping, sweep_all
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from services.kit.sql.sweeps import Sweeps
from tests.integration.kit.tables import leases
from tests.support.eventually import eventually


class Steps:
    """Three steps a sweep; the first ones fail."""

    def __init__(self, fail: int = 0) -> None:
        self.fail, self.calls = fail, Counter[UUID | None]()

    async def status(self) -> Sequence[Kept]:
        return []

    async def sweep(self, after: UUID | None) -> Step:
        self.calls[after] += 1
        if self.fail:
            self.fail -= 1
            raise TransientError("away")
        number = after.int + 1 if after else 1
        return Step({"children": 1}, UUID(int=number) if number < 3 else None)


async def test_a_sweep_goes_to_its_end() -> None:
    steps = Steps()
    await sweep_all(steps)
    assert steps.calls == {None: 1, UUID(int=1): 1, UUID(int=2): 1}


async def test_one_process_of_two_sweeps_and_failures_are_tried_again(
    database: Database, other: Callable[[], Database]
) -> None:
    has_it, waits = Steps(fail=2), Steps()
    lease = Lease(database, leases, "retention", 600_000)
    assert await lease.acquire()
    second = Lease(other(), leases, "retention", 600_000)
    async with background(keep_sweeping(has_it, lease, 0.01), keep_sweeping(waits, second, 0.01)):
        await eventually(lambda: has_it.calls[UUID(int=2)] > 0, "the sweep comes to its end")
    assert has_it.calls[None] >= 3
    assert not waits.calls


async def test_what_was_swept_is_counted(database: Database) -> None:
    metadata = MetaData()
    sweeps = Sweeps(metadata)
    metadata.create_all(database.engine)

    def work(session: Session) -> None:
        for number in (2, 0, 3):
            sweeps.add(session, "children", number)
        sweeps.add(session, "persons", 0)

    await database.write(work)
    found = await database.read(sweeps.read)
    assert {name: one.total for name, one in found.items()} == {"children": 5}
    assert found["children"].at is not None


def test_no_days_are_for_ever() -> None:
    assert days(0) is None
    assert days(2) is not None
