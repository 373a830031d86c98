"""The fake's other sides: rebuilding it, and telling all that it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.capacity.adapters.fake_claims import FakeClaims
from services.capacity.adapters.fake_ledger import HELD, NONE, OCCUPIED, WAITING, FakeClaim
from services.capacity.ports import Rebuilding, Store, Told
from services.contracts import events
from services.contracts.claims import ClaimTurns, DataVersion, ProgrammeCapacity, QueueTurn
from services.contracts.rebuild import Generation, GenerationState, KeptClaim, Opened, RestoredClaim


@dataclass
class FakeRebuild:
    """Rebuild on a FakeClaims."""

    fake: FakeClaims

    async def generation(self, seen: DataVersion | None) -> Generation:
        known = [one.id.epoch for one in self.fake.steps[-1:]]
        known += [one for one in (self.fake.epoch, self.fake.rebuilding) if one]
        epoch = str(max(known)) if known else None
        try:
            self.fake.check(seen)
        except Rebuilding:
            return Generation(state=GenerationState.REBUILDING, epoch=epoch)
        return Generation(state=GenerationState.OPEN, epoch=epoch)

    async def begin(self, epoch: str) -> None:
        known = (await self.generation(None)).epoch
        if known and int(known) >= int(epoch):
            raise Rebuilding
        self.fake.epoch, self.fake.rebuilding, self.fake.sequence = None, int(epoch), 0
        self.fake.forget()
        self.fake.programmes.clear()

    async def restore_programmes(self, epoch: str, programmes: Sequence[ProgrammeCapacity]) -> None:
        self._check(epoch)
        self.fake.programmes |= {one.programme_id: one for one in programmes}

    async def restore_claims(self, epoch: str, claims: Sequence[RestoredClaim]) -> tuple[UUID, ...]:
        self._check(epoch)
        refused = []
        for one in claims:
            if one.referral_id in self.fake.claims:
                continue
            if one.state in (HELD, OCCUPIED) and one.programme_ids[0] not in self.fake.programmes:
                refused.append(one.referral_id)
            elif one.state is NONE:
                self.fake.put(one.referral_id, FakeClaim(one.attempt, NONE))
            else:
                kept = FakeClaim(one.attempt, one.state, one.rank, one.programme_ids)
                self.fake.put(one.referral_id, kept)
        return tuple(refused)

    async def open(self, epoch: str, at: datetime) -> Opened:
        if str(self.fake.epoch) == epoch:
            return Opened(mark=self.fake.mark(), handed_over=0)
        self._check(epoch)
        self.fake.epoch, self.fake.rebuilding = self.fake.rebuilding, None
        for name in sorted(self.fake.programmes):
            self.fake.tell(events.PlacesSetV1, name, at)
        told = self.fake.sequence
        for name in sorted(self.fake.programmes):
            self.fake.hand_over(name, at)
        return Opened(mark=self.fake.mark(), handed_over=self.fake.sequence - told)

    def _check(self, epoch: str) -> None:
        if self.fake.rebuilding is None or str(self.fake.rebuilding) != epoch:
            raise Rebuilding


@dataclass
class FakeBooks:
    """Books on a FakeClaims, which tells all in one page."""

    fake: FakeClaims

    async def claims(self, position: tuple[str, ...] | None, now: datetime) -> Told:
        if position is not None:
            raise ValueError("is no position")
        snapshot = await self.fake.snapshot(now)
        return Told(snapshot.mark, tuple(map(self._kept, self.fake.claims)), None, snapshot.figures)

    async def look(self, referral_ids: Sequence[UUID], now: datetime) -> Told:
        snapshot = await self.fake.snapshot(now)
        return Told(snapshot.mark, tuple(map(self._kept, referral_ids)), None, snapshot.figures)

    async def turns(self, referral_id: UUID) -> ClaimTurns:
        found = await self.fake.present(referral_id)
        waits = found.state is WAITING
        names = self.fake.claims[referral_id].programmes if waits else ()
        return ClaimTurns(**found.model_dump(), turns=tuple(self._turn(name, referral_id) for name in names))

    def _turn(self, programme_id: str, referral_id: UUID) -> QueueTurn:
        queue = self.fake.waiting_at(programme_id)
        return QueueTurn(programme_id=programme_id, position=queue.index(referral_id) + 1, length=len(queue))

    def _kept(self, referral_id: UUID) -> KeptClaim:
        one = self.fake.claims.get(referral_id, FakeClaim(0, NONE))
        return KeptClaim(
            referral_id=referral_id,
            attempt=one.attempt,
            state=one.state,
            rank=one.rank,
            programme_ids=one.programmes,
            queued=one.programmes if one.state is WAITING else (),
        )


def fake_store() -> Store:
    """All sides of one new fake."""
    fake = FakeClaims()
    return Store(fake, fake, fake, FakeRebuild(fake), FakeBooks(fake))
