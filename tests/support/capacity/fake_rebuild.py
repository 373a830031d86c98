"""The fake's other ports: rebuilding it, and all its claims in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.capacity.domain.figures import Staleness
from services.capacity.ports import ClaimsPosition, ClaimsRead, Rebuilding, Store
from services.contracts import events
from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import Generation, GenerationState, KeptClaim, Opened, RestoredClaim
from tests.support.capacity.fake_claims import FakeClaims
from tests.support.capacity.fake_ledger import HELD, NONE, OCCUPIED, WAITING, FakeClaim


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
            return Opened(data_version=self.fake.data_version(), handed_over=0)
        self._check(epoch)
        self.fake.epoch, self.fake.rebuilding = self.fake.rebuilding, None
        for name in sorted(self.fake.programmes):
            self.fake.emit(events.PlacesSetV1, name, at)
        figures = self.fake.sequence
        for name in sorted(self.fake.programmes):
            self.fake.hand_over(name, at)
        return Opened(data_version=self.fake.data_version(), handed_over=self.fake.sequence - figures)

    def _check(self, epoch: str) -> None:
        if self.fake.rebuilding is None or str(self.fake.rebuilding) != epoch:
            raise Rebuilding


@dataclass
class FakeClaimPages:
    """ClaimPages on a FakeClaims: everything is on one page."""

    fake: FakeClaims

    async def page(self, position: ClaimsPosition | None, now: datetime) -> ClaimsRead:
        return await self._read(list(self.fake.claims), now)

    async def lookup(self, referral_ids: Sequence[UUID], now: datetime) -> ClaimsRead:
        return await self._read(referral_ids, now)

    async def _read(self, referral_ids: Sequence[UUID], now: datetime) -> ClaimsRead:
        snapshot = await self.fake.snapshot(now)
        return ClaimsRead(snapshot.data_version, tuple(map(self._kept, referral_ids)), None, snapshot.figures)

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


def fake_store(staleness: Staleness | None = None) -> Store:
    """All ports of one new fake; figures are stale after seven days when `staleness` is left out."""
    fake = FakeClaims(staleness)
    return Store(fake, fake, fake, FakeRebuild(fake), FakeClaimPages(fake), _writable)


async def _writable() -> None: ...
