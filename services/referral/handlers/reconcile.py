"""Reconciliation: comparing capacity with the record while traffic flows. What is only under way is no difference."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from services.contracts.claims import DataVersion, ProgrammeCapacity, ProgrammeFigures
from services.contracts.rebuild import BATCH, ClaimsPage, KeptClaim
from services.contracts.vocabulary import ClaimState
from services.kit.errors import TransientError
from services.referral.domain.reconciliation import (
    Difference,
    OpenPosition,
    Recorded,
    compare_claims,
    compare_counts,
    compare_figures,
    unreadable_claim,
)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0


class ReconciledRecord(Protocol):
    """The record's side. Raises TransientError."""

    async def programmes(self) -> Sequence[ProgrammeCapacity]: ...

    async def open_ids(self, after: OpenPosition | None, limit: int) -> Sequence[OpenPosition]:
        """Up to `limit` open referrals behind `after`."""
        ...

    async def lookup(self, referral_ids: Collection[UUID]) -> Sequence[Recorded]: ...

    async def unsent_for(self) -> float | None:
        """How many seconds the oldest event has been waiting for its relay; None without one."""
        ...


class CapacityClaims(Protocol):
    """Capacity's side. Raises TransientError, also while capacity is rebuilding."""

    async def claims_page(self, cursor: str | None) -> ClaimsPage: ...

    async def look_up_claims(self, referral_ids: Sequence[UUID]) -> ClaimsPage: ...


Ends = Mapping[tuple[str, int], int]
"""By topic and partition, the offset of the next event."""


class WorkerProgress(Protocol):
    """The events on their way to the worker. Raises TransientError."""

    async def ends(self) -> Ends: ...

    async def passed(self, ends: Ends) -> bool:
        """Whether the worker has processed everything before `ends`."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """The comparison at capacity's data version. `unsettled` counts differences that may still be on their way."""

    data_version: DataVersion
    programmes: int
    referrals: int
    claims: int
    differences: tuple[Difference, ...]
    unsettled: int = 0


class _ClaimsRead:
    """The claims read from capacity, as little as their counts need: the later reading of a claim replaces it."""

    def __init__(self) -> None:
        self._claims: dict[int, tuple[ClaimState, tuple[str, ...]]] = {}
        self._same: dict[tuple[ClaimState, tuple[str, ...]], tuple[ClaimState, tuple[str, ...]]] = {}

    def add(self, one: KeptClaim) -> None:
        value = one.state, one.programme_ids
        self._claims[one.referral_id.int] = self._same.setdefault(value, value)

    def __contains__(self, referral_id: UUID) -> bool:
        return referral_id.int in self._claims

    def number(self) -> int:
        return sum(bool(programmes) for _, programmes in self._claims.values())

    def counts(self) -> Counter[tuple[str, ClaimState]]:
        same = Counter(self._claims.values())
        found = Counter[tuple[str, ClaimState]]()
        for (state, programmes), number in same.items():
            for programme_id in programmes:
                found[programme_id, state] += number
        return found


@dataclass
class _Suspects:
    """Differences by their subject, each with the time since which it has been the same."""

    since: dict[tuple[str, str], tuple[Difference, float]] = field(default_factory=dict)

    def see(self, found: Sequence[Difference], now: float) -> None:
        """Keep those that are found again; one that changed begins anew."""
        before = self.since
        self.since = {}
        for one in found:
            old = before.get(one.about)
            self.since[one.about] = (one, old[1] if old and old[0] == one else now)

    @property
    def referrals(self) -> list[UUID]:
        return [one.referral_id for one, _ in self.since.values() if one.referral_id]

    def settled(self, before: float) -> list[Difference]:
        return [one for one, since in self.since.values() if since <= before]


@dataclass
class Reconciliation:
    """Compares page by page, and then looks up each suspect until it has gone or everything under way has settled.

    A suspect counts when it has stayed the same for `patience` seconds, in which the events recorded by then were
    published and processed. After `most` seconds the remaining ones are unsettled.
    """

    record: ReconciledRecord
    capacity: CapacityClaims
    progress: WorkerProgress | None = None
    patience: float = 1.0
    most: float = 20.0

    async def __call__(self) -> Report:
        read, differing = _ClaimsRead(), dict[UUID, Difference]()
        last = await self._compare_capacity(read, differing)
        referrals = await self._compare_missing(read, differing)
        figures, began = last.figures or (), time.monotonic()
        counts = compare_counts(figures, read.counts())
        suspects = _Suspects()
        suspects.see([*differing.values(), *compare_figures(await self.record.programmes(), figures)], began)
        settled = await self._settle(suspects, last.data_version, began)
        return Report(
            data_version=last.data_version,
            programmes=len(figures),
            referrals=referrals,
            claims=read.number(),
            differences=(*counts, *settled),
            unsettled=len(suspects.since) - len(settled),
        )

    async def _compare_capacity(self, read: _ClaimsRead, differing: dict[UUID, Difference]) -> ClaimsPage:
        """Every claim of capacity against its referral; the last page."""
        cursor = None
        while True:
            page = await self.capacity.claims_page(cursor)
            kept = {one.referral_id: one for one in page.items}
            for one in page.items:
                read.add(one)
                differing.pop(one.referral_id, None)
            differing |= await self._differences(kept) | await self._unreadable(page)
            if page.figures is not None:
                return page
            cursor = page.next

    async def _compare_missing(self, read: _ClaimsRead, differing: dict[UUID, Difference]) -> int:
        """Every open referral without a claim in capacity; the number of open referrals."""
        after, number = None, 0
        while page := await self.record.open_ids(after, BATCH):
            missing = [id for _, id in page if id not in read and id not in differing]
            differing |= await self._differences({}, missing)
            after, number = page[-1], number + len(page)
        return number

    async def _differences(
        self, kept: Mapping[UUID, KeptClaim], missing: Collection[UUID] = ()
    ) -> dict[UUID, Difference]:
        recorded = {one.claim.referral_id: one for one in await self.record.lookup([*kept, *missing])}
        return {one.referral_id: one for one in compare_claims(recorded, kept) if one.referral_id}

    async def _unreadable(self, page: ClaimsPage) -> dict[UUID, Difference]:
        ids = [one.referral_id for one in page.unreadable]
        recorded = {one.claim.referral_id: one for one in await self.record.lookup(ids)} if ids else {}
        return {one.referral_id: unreadable_claim(one, recorded.get(one.referral_id)) for one in page.unreadable}

    async def _settle(self, suspects: _Suspects, version: DataVersion, began: float) -> list[Difference]:
        under_way = _UnderWay(self.record, self.progress, version)
        pause = FIRST_PAUSE
        while suspects.since:
            now = time.monotonic()
            if now - began > self.most:
                return []
            settled = suspects.settled(now - self.patience)
            if len(settled) == len(suspects.since) and await under_way.has_settled():
                return settled
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            suspects.see(await self._look_again(suspects, under_way), time.monotonic())
        return []

    async def _look_again(self, suspects: _Suspects, under_way: "_UnderWay") -> list[Difference]:
        again: list[Difference] = []
        figures: Sequence[ProgrammeFigures] = ()
        ids = suspects.referrals
        for part in [ids[at : at + BATCH // 2] for at in range(0, len(ids), BATCH // 2)] or [[]]:
            page = await self.capacity.look_up_claims(part)
            again += (await self._differences({one.referral_id: one for one in page.items})).values()
            again += (await self._unreadable(page)).values()
            figures = page.figures or ()
            under_way.relayed = page.relayed
        again += compare_figures(await self.record.programmes(), figures)
        return [one for one in again if one.about in suspects.since]


@dataclass
class _UnderWay:
    """The events between the two sides when the comparison was made."""

    record: ReconciledRecord
    progress: WorkerProgress | None
    version: DataVersion
    relayed: DataVersion | None = None
    _began: float = field(default_factory=time.monotonic)
    _ends: Ends | None = None

    async def has_settled(self) -> bool:
        """Capacity's steps are relayed, the record's events published, and the worker has processed all of them."""
        if self.progress is None:
            return True
        try:
            if self._ends is None:
                if not await self._is_sent():
                    return False
                self._ends = await self.progress.ends()
            return await self.progress.passed(self._ends)
        except TransientError:
            return False

    async def _is_sent(self) -> bool:
        waits = await self.record.unsent_for()
        if waits is not None and waits >= time.monotonic() - self._began:
            return False
        relayed = self.relayed
        return relayed is not None and relayed.epoch == self.version.epoch and relayed.sequence >= self.version.sequence
