"""Shared by the fake's steps, as `ledger.lua` is by the scripts: claims, counts, hand-overs, emitted steps."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.capacity.domain.entries import from_ms, to_ms
from services.capacity.domain.figures import Staleness, free_places, stale_after
from services.capacity.domain.step import START, Step, StepId
from services.capacity.ports import Rebuilding
from services.contracts import events
from services.contracts.claims import DataVersion, ProgrammeCapacity, ProgrammeFigures
from services.contracts.vocabulary import ClaimState

FIGURE = set(ProgrammeCapacity.model_fields)
HELD, OCCUPIED, WAITING, NONE = ClaimState.HELD, ClaimState.OCCUPIED, ClaimState.WAITING, ClaimState.NONE


@dataclass(frozen=True, slots=True)
class FakeClaim:
    attempt: int
    state: ClaimState
    rank: int = 0
    programmes: tuple[str, ...] = ()


class FakeLedger:
    """Claims and programmes in memory, and the Steps port. Nothing is counted: every figure is read from the claims."""

    def __init__(self, staleness: Staleness | None = None) -> None:
        self._staleness = staleness or stale_after(7)
        self.epoch: int | None = None
        self.rebuilding: int | None = None
        self.sequence = 0
        self.claims: dict[UUID, FakeClaim] = {}
        self._there: defaultdict[str, set[UUID]] = defaultdict(set)
        self.programmes: dict[str, ProgrammeCapacity] = {}
        self.steps: list[Step] = []
        self._emitted = asyncio.Event()

    async def after(self, last: StepId, limit: int) -> list[Step]:
        return [step for step in self.steps if step.id > last][:limit]

    async def wait(self, last: StepId, limit: int, seconds: float) -> list[Step]:
        if not (steps := await self.after(last, limit)):
            self._emitted.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._emitted.wait(), seconds)
            steps = await self.after(last, limit)
        return steps

    async def newest(self, limit: int) -> list[Step]:
        return self.steps[-limit:]

    async def first(self) -> StepId | None:
        return self.steps[0].id if self.steps else None

    async def last(self) -> StepId:
        return self.steps[-1].id if self.steps else START

    async def trim(self, until: StepId, before: datetime) -> int:
        kept = (i for i, step in enumerate(self.steps) if step.id >= until or step.at >= before)
        count = next(kept, 0)
        del self.steps[:count]
        return count

    def hand_over(self, programme_id: str, at: datetime) -> None:
        while self._free(programme_id) and (waiting := self.waiting_at(programme_id)):
            claim = self.claims[waiting[0]]
            self.put(waiting[0], replace(claim, state=HELD, programmes=(programme_id,)))
            left = tuple(name for name in claim.programmes if name != programme_id)
            self.emit(events.PlaceHandedOverV1, programme_id, at, waiting[0], claim.attempt, left=left)

    def _give_back(self, referral_id: UUID, claim: FakeClaim, at: datetime) -> None:
        """Emit what `claim`, already removed from the referral, sets free, and hand it over."""
        if claim.state is WAITING:
            self._emit_queued(events.ClaimWithdrawnV1, claim.programmes, at, referral_id, claim.attempt)
        elif claim.state is not NONE:
            self.emit(events.PlaceReleasedV1, claim.programmes[0], at, referral_id, claim.attempt)
            self.hand_over(claim.programmes[0], at)

    def check(self, seen: DataVersion | None) -> None:
        if self.epoch is None or (seen and (seen.epoch != str(self.epoch) or seen.sequence > self.sequence)):
            raise Rebuilding

    def data_version(self) -> DataVersion:
        return DataVersion(epoch=str(self.epoch), sequence=self.sequence)

    def put(self, referral_id: UUID, claim: FakeClaim) -> None:
        """Let this be the referral's claim."""
        for name in self.claims.get(referral_id, claim).programmes:
            self._there[name].discard(referral_id)
        for name in claim.programmes:
            self._there[name].add(referral_id)
        self.claims[referral_id] = claim

    def forget(self) -> None:
        """Drop every claim."""
        self.claims.clear()
        self._there.clear()

    def _count(self, programme_id: str, state: ClaimState) -> int:
        return sum(self.claims[one].state is state for one in self._there[programme_id])

    def _figures(self, programme_id: str, now: datetime) -> ProgrammeFigures:
        counts = {state.value: self._count(programme_id, state) for state in (HELD, OCCUPIED, WAITING)}
        known, taken = self.programmes[programme_id], counts["held"] + counts["occupied"]
        return ProgrammeFigures(
            **known.model_dump(include=FIGURE),
            **counts,
            free=self._free(programme_id),
            overcommitted=max(0, taken - known.places),
            stale=self._staleness(known.confirmed_at, now),
        )

    def _free(self, programme_id: str) -> int:
        known = self.programmes.get(programme_id)
        if known is None:
            return 0
        held, occupied = self._count(programme_id, HELD), self._count(programme_id, OCCUPIED)
        return free_places(known.places, held, occupied, known.suspended)

    def waiting_at(self, programme_id: str) -> list[UUID]:
        here = {one: self.claims[one] for one in self._there[programme_id]}
        waiting = [(claim.rank, str(one), one) for one, claim in here.items() if claim.state is WAITING]
        return [referral_id for _, _, referral_id in sorted(waiting)]

    def emit(
        self,
        event: type[events.CapacityEvent],
        programme_id: str,
        at: datetime,
        referral_id: UUID | None = None,
        attempt: int | None = None,
        **more: Any,
    ) -> None:
        now = self._figures(programme_id, at)
        if event is events.PlacesSetV1:
            more = {"suspended": now.suspended, "confirmed_at": now.confirmed_at}
        counted = now.model_dump(exclude={"suspended", "confirmed_at", "version", "free", "overcommitted", "stale"})
        self._append(event, at, referral_id=referral_id, attempt=attempt, stale=now.stale or None, **counted, **more)

    def _emit_queued(
        self,
        event: type[events.Payload],
        names: Sequence[str],
        at: datetime,
        referral_id: UUID,
        attempt: int,
        **more: Any,
    ) -> None:
        self._append(event, at, referral_id=referral_id, attempt=attempt, programme_ids=tuple(names), **more)

    def _append(self, event: type[events.Payload], at: datetime, **fields: Any) -> None:
        self.sequence += 1
        step_id = StepId(self.epoch or 0, self.sequence)
        data = event(epoch=str(step_id.epoch), sequence=step_id.sequence, **fields)
        self.steps.append(Step(step_id, from_ms(to_ms(at)), data))
        self._emitted.set()
