"""What is done to a running network, each fault until it is over: afterwards all parts are there again, or coming."""

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

from tests.chaos.ground import Ground
from tests.chaos.scenario import Fault, Kind
from tests.support.wiping import flush_redis, make_topics, make_topics_anew

_LOCKS = {
    Kind.FLUSH: "valkey",
    Kind.OLDER: "valkey",
    Kind.KAFKA_RESTART: "kafka",
    Kind.WIPE: "kafka",
    Kind.NEW_CLUSTER: "kafka",
}


@dataclass
class Faults:
    """Runs faults on one network. Two at once on one part wait for each other."""

    ground: Ground
    done: list[Fault] = field(default_factory=list)
    left_out: list[Fault] = field(default_factory=list)
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run(self, faults: tuple[Fault, ...]) -> None:
        """Each at its moment from now; until the last is over."""
        async with asyncio.TaskGroup() as group:
            for one in faults:
                group.create_task(self._when_due(one))

    async def _when_due(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        if self.ground.postgres is None and "postgres" in (fault.target, fault.kind.name.partition("_")[0].lower()):
            self.left_out.append(fault)
            return
        async with self._locks[_LOCKS.get(fault.kind, fault.target)]:
            await _DOING[fault.kind](self.ground, fault)
        self.done.append(fault)


async def _kill(ground: Ground, fault: Fault) -> None:
    await asyncio.to_thread(ground.network.kill, fault.target)


async def _freeze(ground: Ground, fault: Fault) -> None:
    pid = await asyncio.to_thread(ground.network.kill, fault.target, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        if await asyncio.to_thread(ground.network.pid, fault.target) == pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


async def _restart(ground: Ground, fault: Fault) -> None:
    await asyncio.to_thread(ground.stop, fault.target)
    await asyncio.sleep(fault.seconds)
    await asyncio.to_thread(ground.start, fault.target)


async def _flush(ground: Ground, _: Fault) -> None:
    await _patiently(lambda: flush_redis(ground.network))


async def _older(ground: Ground, fault: Fault) -> None:
    """Valkey's file of some seconds ago, on the same server."""
    assert ground.plan.valkey is not None
    folder = ground.plan.valkey.folder
    with TemporaryDirectory() as kept:
        await asyncio.to_thread(_copy, folder, Path(kept) / "older")
        await asyncio.sleep(fault.seconds)
        await asyncio.to_thread(ground.stop, "valkey")
        await asyncio.to_thread(shutil.rmtree, folder)
        await asyncio.to_thread(_copy, Path(kept) / "older", folder)
        await asyncio.to_thread(ground.start, "valkey")


def _copy(source: Path, target: Path) -> None:
    """A file that is written meanwhile ends in the middle of a command, as after a crash: the server cuts that off."""
    shutil.copytree(source, target)


async def _end(ground: Ground, fault: Fault, part: str, with_signal: int) -> None:
    """The part is told to end, and is started again by its supervisor."""
    before = await asyncio.to_thread(ground.network.kill, part, with_signal)
    await asyncio.to_thread(ground.network.wait_another, part, before)


async def _wipe(ground: Ground, _: Fault) -> None:
    await make_topics_anew(ground.network)


async def _begin_new_cluster(ground: Ground, _: Fault) -> None:
    await asyncio.to_thread(ground.begin_new_cluster)
    await make_topics(ground.network)


async def _restart_postgres(ground: Ground, fault: Fault) -> None:
    """In order, or (at an even tenth of a second) as by a crash."""
    assert ground.postgres is not None
    how = signal.SIGQUIT if round(fault.at * 10) % 2 == 0 else signal.SIGINT
    await asyncio.to_thread(ground.postgres.stop, how)
    await asyncio.to_thread(ground.postgres.start)


async def _cut(ground: Ground, fault: Fault) -> None:
    await asyncio.to_thread(ground.gates.close, fault.target)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        await asyncio.to_thread(ground.gates.open, fault.target)


async def _patiently(call: Callable[[], Awaitable[None]]) -> None:
    """Until the server is there: another fault may have taken it."""
    for _ in range(300):
        try:
            return await call()
        except (OSError, RedisError):
            await asyncio.sleep(0.1)
    raise TimeoutError("the server did not come back")


_DOING: dict[Kind, Callable[[Ground, Fault], Awaitable[None]]] = {
    Kind.KILL: _kill,
    Kind.FREEZE: _freeze,
    Kind.RESTART: _restart,
    Kind.FLUSH: _flush,
    Kind.OLDER: _older,
    Kind.KAFKA_RESTART: partial(_end, part="kafka", with_signal=signal.SIGTERM),
    Kind.WIPE: _wipe,
    Kind.NEW_CLUSTER: _begin_new_cluster,
    Kind.POSTGRES_RESTART: _restart_postgres,
    Kind.CUT: _cut,
}
