"""Injection of faults into a running network. When a fault is over all parts run again, or are starting."""

import asyncio
import os
import shutil
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from redis.exceptions import RedisError

from tests.chaos.scenario import Fault, Kind
from tests.chaos.testbed import Testbed
from tests.support.data_loss import create_all_topics, flush_redis, recreate_topics

_LOCKS = {
    Kind.FLUSH: "valkey",
    Kind.OLDER: "valkey",
    Kind.KAFKA_RESTART: "kafka",
    Kind.WIPE: "kafka",
    Kind.NEW_CLUSTER: "kafka",
}


@dataclass
class FaultInjector:
    """Injects faults into one network; two on the same part come one after the other."""

    bed: Testbed
    done: list[Fault] = field(default_factory=list)
    skipped: list[Fault] = field(default_factory=list)
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run(self, faults: tuple[Fault, ...]) -> None:
        """Each at its moment from now, until the last is over."""
        async with asyncio.TaskGroup() as group:
            for one in faults:
                group.create_task(self._when_due(one))

    async def _when_due(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        if self.bed.postgres is None and "postgres" in (fault.target, fault.kind.name.partition("_")[0].lower()):
            self.skipped.append(fault)
            return
        async with self._locks[_LOCKS.get(fault.kind, fault.target)]:
            await _INJECT[fault.kind](self.bed, fault)
        self.done.append(fault)


async def _kill(bed: Testbed, fault: Fault) -> None:
    await asyncio.to_thread(bed.network.kill, fault.target)


async def _freeze(bed: Testbed, fault: Fault) -> None:
    pid = await asyncio.to_thread(bed.network.kill, fault.target, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        if await asyncio.to_thread(bed.network.pid, fault.target) == pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def _restart(bed: Testbed, fault: Fault) -> None:
    await asyncio.to_thread(bed.stop, fault.target)
    await asyncio.sleep(fault.seconds)
    await asyncio.to_thread(bed.start, fault.target)


async def _flush(bed: Testbed, _: Fault) -> None:
    await _when_there(lambda: flush_redis(bed.network))


async def _restore_older(bed: Testbed, fault: Fault) -> None:
    """Restart Valkey with its file of some seconds ago."""
    assert bed.plan.valkey is not None
    folder = bed.plan.valkey.folder
    with TemporaryDirectory() as kept:
        await asyncio.to_thread(_copy, folder, Path(kept) / "older")
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(bed.stop, "valkey")
        await asyncio.to_thread(shutil.rmtree, folder)
        await asyncio.to_thread(_copy, Path(kept) / "older", folder)
        await asyncio.to_thread(bed.start, "valkey")


def _copy(source: Path, target: Path) -> None:
    """Copy a file that may end in the middle of a command, as after a crash: the server cuts that off."""
    shutil.copytree(source, target)


async def _end(bed: Testbed, fault: Fault, part: str, with_signal: int) -> None:
    """Signal the part to end; its supervisor restarts it."""
    before = await asyncio.to_thread(bed.network.kill, part, with_signal)
    await asyncio.to_thread(bed.network.wait_for_new_process, part, before)


async def _wipe(bed: Testbed, _: Fault) -> None:
    await recreate_topics(bed.network)


async def _replace_cluster(bed: Testbed, _: Fault) -> None:
    await asyncio.to_thread(bed.replace_cluster)
    await create_all_topics(bed.network)


async def _restart_postgres(bed: Testbed, fault: Fault) -> None:
    """In order, or (when due at an even tenth of a second) as by a crash."""
    assert bed.postgres is not None
    how = signal.SIGQUIT if round(fault.at * 10) % 2 == 0 else signal.SIGINT
    await asyncio.to_thread(bed.postgres.stop, how)
    await asyncio.to_thread(bed.postgres.start)


async def _cut(bed: Testbed, fault: Fault) -> None:
    await asyncio.to_thread(bed.proxies.cut, fault.target)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        await asyncio.to_thread(bed.proxies.restore, fault.target)


async def _when_there(call: Callable[[], Awaitable[None]]) -> None:
    """Retry until the server is there: another fault may have taken it away."""
    for _ in range(300):
        try:
            return await call()
        except (OSError, RedisError):
            await asyncio.sleep(0.1)
    raise TimeoutError("the server did not come back")


_INJECT: dict[Kind, Callable[[Testbed, Fault], Awaitable[None]]] = {
    Kind.KILL: _kill,
    Kind.FREEZE: _freeze,
    Kind.RESTART: _restart,
    Kind.FLUSH: _flush,
    Kind.OLDER: _restore_older,
    Kind.KAFKA_RESTART: partial(_end, part="kafka", with_signal=signal.SIGTERM),
    Kind.WIPE: _wipe,
    Kind.NEW_CLUSTER: _replace_cluster,
    Kind.POSTGRES_RESTART: _restart_postgres,
    Kind.CUT: _cut,
}
