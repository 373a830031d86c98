"""Publishing figures to centers and polyclinics at ticks."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from services.capacity.domain.coarse import Figures, coarsen
from services.capacity.domain.feed import figures_message
from services.capacity.domain.step import StepId
from services.capacity.ports import Programmes, Rebuilding
from services.contracts.claims import DataVersion, ProgrammeFigures
from services.kit.loops import run_periodically


@dataclass(frozen=True, slots=True)
class ChangedFigures:
    """A programme's figures, published last at the step `id`; serialized once for all who follow."""

    id: StepId
    center_id: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """What centers and polyclinics see of others until the next one."""

    data_version: DataVersion
    figures: Figures
    changed: Mapping[str, ChangedFigures]

    @property
    def id(self) -> StepId:
        return StepId.of(self.data_version)

    def after(self, last: StepId, own: str | None) -> bytes:
        """The figures that were published behind that step, without a center's own, which it sees live."""
        return b"".join(one.message for one in self.changed.values() if one.id > last and one.center_id != own)


class PublishedFigures:
    """`run()` publishes every so many seconds; `current()` is the last publication."""

    def __init__(
        self, programmes: Programmes, clock: Callable[[], datetime], *, every: float = 30.0, centers: int = 5
    ) -> None:
        self._programmes, self._clock, self._every, self._centers = programmes, clock, every, centers
        self._lock = asyncio.Lock()
        self.latest: Publication | None = None
        self.on_change: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Until cancelled."""
        await run_periodically("figures", self._tick, self._every)

    async def _tick(self) -> None:
        with suppress(Rebuilding):  # published when it is over
            await self.publish()

    async def current(self) -> Publication:
        """The last publication, or the first one; raises Rebuilding or TransientError."""
        return self.latest or await self.publish()

    async def publish(self) -> Publication:
        """Publish what may be published now; the publication before, when nothing of it changes."""
        async with self._lock:
            snapshot = await self._programmes.snapshot(self._clock())
            before = self.latest
            if before and before.data_version.epoch != snapshot.data_version.epoch:
                before = None
            figures = coarsen(before.figures if before else None, snapshot.figures, self._centers)
            if before is None or figures != before.figures:
                self.latest = _publication(before, figures, snapshot.data_version)
                self.on_change()
            return self.latest  # type: ignore[return-value]


def _publication(before: Publication | None, figures: Figures, version: DataVersion) -> Publication:
    id = StepId.of(version)
    changed = {
        one.programme_id: before.changed[one.programme_id]
        if before and before.figures.get(one.programme_id) == one
        else _changed(id, one)
        for one in figures.values()
    }
    return Publication(version, figures, changed)


def _changed(id: StepId, one: ProgrammeFigures) -> ChangedFigures:
    return ChangedFigures(id, one.center_id, figures_message(id, one))
