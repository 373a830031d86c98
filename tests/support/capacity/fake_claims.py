"""Capacity in memory, for tests: claims and programmes in plain Python. The contract suite runs on it and on Redis."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.capacity.domain.entries import to_ms
from services.capacity.ports import Snapshot
from services.contracts import events
from services.contracts.claims import (
    ClaimChange,
    ClaimPositions,
    ClaimRequest,
    ClaimResult,
    ClaimsBatchResult,
    DataVersion,
    ProgrammeAnswer,
    ProgrammeCapacity,
    ProgrammeOpening,
    QueueEntry,
    QueuePosition,
    WaitingClaim,
)
from services.contracts.vocabulary import ClaimState
from tests.support.capacity.fake_ledger import FIGURE, HELD, NONE, OCCUPIED, WAITING, FakeClaim, FakeLedger


class FakeClaims(FakeLedger):
    """Claims and Programmes, on what the ledger stores."""

    async def claim(self, requests: Sequence[ClaimRequest], seen: DataVersion | None = None) -> ClaimsBatchResult:
        self.check(seen)
        return self._batch([self._claim(one) for one in requests])

    async def occupy(
        self, changes: Sequence[ClaimChange], at: datetime, seen: DataVersion | None = None
    ) -> ClaimsBatchResult:
        self.check(seen)
        return self._batch([self._occupy(one.referral_id, one.attempt, at) for one in changes])

    async def release(
        self, changes: Sequence[ClaimChange], at: datetime, seen: DataVersion | None = None
    ) -> ClaimsBatchResult:
        self.check(seen)
        return self._batch([self._release(one.referral_id, one.attempt, at) for one in changes])

    async def positions(self, referral_ids: Sequence[UUID]) -> Sequence[ClaimPositions]:
        self.check(None)
        return [self._positions(one) for one in referral_ids]

    def _positions(self, referral_id: UUID) -> ClaimPositions:
        claim = self.claims.get(referral_id, FakeClaim(0, NONE))
        names = claim.programmes if claim.state is WAITING else ()
        return ClaimPositions(
            **self._result(referral_id, claim.attempt).model_dump(),
            data_version=self.data_version(),
            positions=tuple(self._position(name, referral_id) for name in names),
        )

    async def open_programme(self, opening: ProgrammeOpening, at: datetime) -> ProgrammeAnswer:
        if opening.seen is None and not (self.epoch or self.rebuilding or self.steps):
            self.epoch = to_ms(at)
        self.check(opening.seen)
        programme_id, before = opening.programme_id, self.programmes.get(opening.programme_id)
        after = ProgrammeCapacity(**opening.model_dump(include=FIGURE))
        if before and before.version >= after.version:
            figure = {"places", "suspended", "confirmed_at", "version"}
            after = after.model_copy(update=before.model_dump(include=figure))
        self.programmes[programme_id] = after
        if after != before:
            self.emit(events.PlacesSetV1, programme_id, at)
        for one in opening.waiting:
            self._join(programme_id, one, at)
        self.hand_over(programme_id, at)
        return ProgrammeAnswer(**self._figures(programme_id, at).model_dump(), data_version=self.data_version())

    async def snapshot(self, now: datetime) -> Snapshot:
        self.check(None)
        return Snapshot(self.data_version(), tuple(self._figures(one, now) for one in sorted(self.programmes)))

    async def queue(self, programme_id: str, after: tuple[int, UUID] | None, limit: int) -> list[QueueEntry]:
        entries = [
            QueueEntry(position=i, referral_id=referral_id, rank=self.claims[referral_id].rank)
            for i, referral_id in enumerate(self.waiting_at(programme_id), 1)
        ]
        return [one for one in entries if after is None or (one.rank, one.referral_id) > after][:limit]

    def _claim(self, request: ClaimRequest) -> ClaimResult:
        referral_id, attempt = request.referral_id, request.attempt
        claim = self.claims.get(referral_id)
        if claim and (claim.attempt >= attempt or claim.state is OCCUPIED):
            return self._result(referral_id, attempt, repeated=claim.attempt == attempt)
        retained = claim.programmes[0] if claim and claim.state is HELD and request.retain else None
        if claim and not retained:
            self._leave(referral_id, attempt, claim, request.at)
        named = list(dict.fromkeys(name for tier in request.candidates for name in tier))
        free = {name: self._free(name) + (name == retained) for name in named}
        best = next((max(tier, key=free.__getitem__) for tier in request.candidates if _any(tier, free)), None)
        if claim and retained and best != retained:
            self._leave(referral_id, attempt, claim, request.at)
        if best:
            self.put(referral_id, FakeClaim(attempt, HELD, request.rank, (best,)))
            self.emit(events.PlaceHeldV1, best, request.at, referral_id, attempt, kept=best == retained or None)
        else:
            self.put(referral_id, FakeClaim(attempt, WAITING, request.rank, tuple(named)))
            self._emit_queued(events.ClaimQueuedV1, named, request.at, referral_id, attempt, rank=request.rank)
        return self._result(referral_id, attempt).model_copy(update={"free": free, "queues": ()})

    def _occupy(self, referral_id: UUID, attempt: int, at: datetime) -> ClaimResult:
        claim = self.claims.get(referral_id)
        if claim is None or claim.attempt != attempt or claim.state is not HELD:
            repeated = claim is not None and claim.attempt == attempt
            return self._result(referral_id, attempt, repeated=repeated)
        self.put(referral_id, replace(claim, state=OCCUPIED))
        self.emit(events.PlaceOccupiedV1, claim.programmes[0], at, referral_id, attempt)
        return self._result(referral_id, attempt)

    def _release(self, referral_id: UUID, attempt: int, at: datetime) -> ClaimResult:
        claim = self.claims.get(referral_id, FakeClaim(0, NONE))
        if claim.attempt > attempt or claim == FakeClaim(attempt, NONE):
            return self._result(referral_id, attempt, repeated=claim.attempt == attempt)
        self._leave(referral_id, attempt, claim, at)
        return self._result(referral_id, attempt)

    def _leave(self, referral_id: UUID, attempt: int, claim: FakeClaim, at: datetime) -> None:
        self.put(referral_id, FakeClaim(attempt, NONE))
        self._give_back(referral_id, claim, at)

    def _join(self, programme_id: str, one: WaitingClaim, at: datetime) -> None:
        referral_id, attempt = one.referral_id, one.attempt
        claim = self.claims.get(referral_id, FakeClaim(0, NONE))
        if claim.state is NONE and claim.attempt < attempt:
            claim = FakeClaim(attempt, WAITING, one.rank)
        if (claim.state, claim.attempt) != (WAITING, attempt) or programme_id in claim.programmes:
            return
        self.put(referral_id, replace(claim, programmes=(*claim.programmes, programme_id)))
        self._emit_queued(events.ClaimQueuedV1, [programme_id], at, referral_id, attempt, rank=claim.rank)

    def _position(self, programme_id: str, referral_id: UUID) -> QueuePosition:
        queue = self.waiting_at(programme_id)
        return QueuePosition(programme_id=programme_id, position=queue.index(referral_id) + 1, length=len(queue))

    def _result(self, referral_id: UUID, attempt: int, *, repeated: bool = False) -> ClaimResult:
        claim = self.claims.get(referral_id, FakeClaim(0, NONE))
        stale = claim.attempt > attempt
        return ClaimResult(
            referral_id=referral_id,
            attempt=claim.attempt,
            state=ClaimState.STALE if stale else claim.state,
            programme_id=claim.programmes[0] if not stale and claim.state in (HELD, OCCUPIED) else None,
            repeated=repeated,
            queues=claim.programmes if not stale and claim.state is WAITING else (),
        )

    def _batch(self, results: Sequence[ClaimResult]) -> ClaimsBatchResult:
        return ClaimsBatchResult(results=tuple(results), data_version=self.data_version())


def _any(tier: Sequence[str], free: dict[str, int]) -> bool:
    return any(free[name] for name in tier)
