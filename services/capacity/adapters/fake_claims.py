"""Capacity in memory, for tests: claims and places on plain Python. The contract suite holds it to what Redis does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.capacity.adapters.fake_ledger import HELD, NONE, OCCUPIED, WAITING, FakeClaim, FakeLedger
from services.capacity.domain.entries import from_ms, to_ms
from services.capacity.ports import Snapshot, Turn, UnknownProgramme
from services.contracts import events
from services.contracts.claims import (
    ClaimAnswer,
    ClaimRequest,
    ClaimResult,
    ClaimsBatchResult,
    DataVersion,
    ProgrammeAnswer,
    ProgrammeCapacity,
    ProgrammeOpening,
    WaitingClaim,
)
from services.contracts.vocabulary import ClaimState


class FakeClaims(FakeLedger):
    """Claims and Places, on what the ledger keeps."""

    async def claim(self, requests: Sequence[ClaimRequest], seen: DataVersion | None = None) -> ClaimsBatchResult:
        self.check(seen)
        return ClaimsBatchResult(results=tuple(map(self._claim, requests)), mark=self.mark())

    async def occupy(
        self, referral_id: UUID, attempt: int, at: datetime, seen: DataVersion | None = None
    ) -> ClaimAnswer:
        self.check(seen)
        claim = self.claims.get(referral_id)
        if claim is None or claim.attempt != attempt or claim.state is not HELD:
            repeated = claim is not None and claim.attempt == attempt
            return self._answer(referral_id, attempt, repeated=repeated)
        self.put(referral_id, replace(claim, state=OCCUPIED))
        self.tell(events.PlaceOccupiedV1, claim.programmes[0], at, referral_id, attempt)
        return self._answer(referral_id, attempt)

    async def release(
        self, referral_id: UUID, attempt: int, at: datetime, seen: DataVersion | None = None
    ) -> ClaimAnswer:
        self.check(seen)
        claim = self.claims.get(referral_id, FakeClaim(0, NONE))
        if claim.attempt > attempt or claim == FakeClaim(attempt, NONE):
            return self._answer(referral_id, attempt, repeated=claim.attempt == attempt)
        self.put(referral_id, FakeClaim(attempt, NONE))
        self._give_back(referral_id, claim, at)
        return self._answer(referral_id, attempt)

    async def present(self, referral_id: UUID) -> ClaimAnswer:
        self.check(None)
        claim = self.claims.get(referral_id, FakeClaim(0, NONE))
        return self._answer(referral_id, claim.attempt)

    async def open_programme(self, opening: ProgrammeOpening, at: datetime) -> ProgrammeAnswer:
        if opening.seen is None and not (self.epoch or self.rebuilding or self.steps):
            self.epoch = to_ms(at)
        self.check(opening.seen)
        programme_id, before = opening.programme_id, self.programmes.get(opening.programme_id)
        fields = opening.model_dump(include=set(ProgrammeCapacity.model_fields))
        after = ProgrammeCapacity(**fields)
        if before and before.confirmed_at >= after.confirmed_at:
            kept = {"places", "suspended", "confirmed_at"}
            after = after.model_copy(update=before.model_dump(include=kept))
        self.programmes[programme_id] = after
        if after != before:
            self.tell(events.PlacesSetV1, programme_id, at)
        for one in opening.waiting:
            self._join(programme_id, one, at)
        self.hand_over(programme_id, at)
        return self._programme_answer(programme_id, at)

    async def set_places(
        self,
        programme_id: str,
        places: int,
        at: datetime,
        *,
        suspended: bool | None = None,
        center_id: str | None = None,
    ) -> ProgrammeAnswer:
        self.check(None)
        before = self.programmes.get(programme_id)
        if before is None or center_id not in (None, before.center_id):
            raise UnknownProgramme(programme_id)
        newest = max(to_ms(at), to_ms(before.confirmed_at) + 1)
        update: dict[str, Any] = {"places": places, "confirmed_at": from_ms(newest)}
        if suspended is not None:
            update["suspended"] = suspended
        self.programmes[programme_id] = before.model_copy(update=update)
        self.tell(events.PlacesSetV1, programme_id, at)
        self.hand_over(programme_id, at)
        return self._programme_answer(programme_id, at)

    async def snapshot(self, now: datetime) -> Snapshot:
        self.check(None)
        return Snapshot(self.mark(), tuple(self._figures(one, now) for one in sorted(self.programmes)))

    async def queue(self, programme_id: str, after: Turn | None, limit: int) -> list[Turn]:
        turns = [
            Turn(i, referral_id, self.claims[referral_id].rank)
            for i, referral_id in enumerate(self.waiting_at(programme_id), 1)
        ]
        behind = (after.rank, str(after.referral_id)) if after else None
        return [one for one in turns if behind is None or (one.rank, str(one.referral_id)) > behind][:limit]

    def _claim(self, request: ClaimRequest) -> ClaimResult:
        referral_id, attempt = request.referral_id, request.attempt
        claim = self.claims.get(referral_id)
        if claim and (claim.attempt >= attempt or claim.state is OCCUPIED):
            return self._result(referral_id, attempt, repeated=claim.attempt == attempt)
        kept = claim.programmes[0] if claim and claim.state is HELD and request.keep else None
        if claim and not kept:
            self._leave(referral_id, attempt, claim, request.at)
        named = list(dict.fromkeys(name for tier in request.candidates for name in tier))
        free = {name: self._free(name) + (name == kept) for name in named}
        best = next((max(tier, key=free.__getitem__) for tier in request.candidates if _any(tier, free)), None)
        if claim and kept and best != kept:
            self._leave(referral_id, attempt, claim, request.at)
        if best:
            self.put(referral_id, FakeClaim(attempt, HELD, request.rank, (best,)))
            self.tell(events.PlaceHeldV1, best, request.at, referral_id, attempt, kept=best == kept or None)
        else:
            self.put(referral_id, FakeClaim(attempt, WAITING, request.rank, tuple(named)))
            self._turn(events.ClaimQueuedV1, named, request.at, referral_id, attempt, rank=request.rank)
        return self._result(referral_id, attempt).model_copy(update={"free": free, "queues": ()})

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
        self._turn(events.ClaimQueuedV1, [programme_id], at, referral_id, attempt, rank=claim.rank)

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

    def _answer(self, referral_id: UUID, attempt: int, *, repeated: bool = False) -> ClaimAnswer:
        return ClaimAnswer(**self._result(referral_id, attempt, repeated=repeated).model_dump(), mark=self.mark())

    def _programme_answer(self, programme_id: str, at: datetime) -> ProgrammeAnswer:
        return ProgrammeAnswer(**self._figures(programme_id, at).model_dump(), mark=self.mark())


def _any(tier: Sequence[str], free: dict[str, int]) -> bool:
    return any(free[name] for name in tier)
