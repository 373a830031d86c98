"""Reconciliation: comparing capacity with the record while traffic flows. What is only under way is no difference."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import BATCH, ClaimsPage, KeptClaim
from services.contracts.vocabulary import ClaimState
from services.kit.errors import TransientError
from services.referral.domain.reconciliation import (
    Difference,
    Fingerprints,
    OpenPosition,
    Recorded,
    compare_claims,
    compare_counts,
    compare_figures,
    fingerprint,
    unreadable_claim,
)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
AT_ONCE = 100
"""Claims that are compared while others wait."""


class ReconciledRecord(Protocol):
    """The record's side. Raises TransientError."""

    async def programmes(self) -> Sequence[ProgrammeCapacity]: ...

    async def fingerprints(self, after: OpenPosition | None, limit: int) -> Fingerprints:
        """Of up to `limit` open referrals behind `after`."""
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

    def add(self, one: KeptClaim) -> bool:
        """Whether it comes the first time."""
        value, first = (one.state, one.programme_ids), one.referral_id.int not in self._claims
        self._claims[one.referral_id.int] = self._same.setdefault(value, value)
        return first

    def number(self) -> int:
        return sum(bool(programmes) for _, programmes in self._claims.values())

    def counts(self) -> Counter[tuple[str, ClaimState]]:
        same = Counter(self._claims.values())
        found = Counter[tuple[str, ClaimState]]()
        for (state, programmes), number in same.items():
            for programme_id in programmes:
                found[programme_id, state] += number
        return found


class _Matching:
    """The claims of both sides by referral, each as its fingerprint, until the other side has it as well.

    Whoever is left, or differs, or has come twice from capacity, as a claim that changes meanwhile may, is suspected.
    """

    def __init__(self) -> None:
        self._recorded, self._kept = dict[int, int](), dict[int, int]()
        self.suspects = set[int]()

    def add_recorded(self, referral: int, its_claim: int) -> None:
        if (kept := self._kept.pop(referral, None)) is None:
            self._recorded[referral] = its_claim
        elif kept != its_claim:
            self.suspects.add(referral)

    def add_kept(self, one: KeptClaim, *, first: bool) -> None:
        referral, its_claim = one.referral_id.int, fingerprint(one)
        stands = one.state is not ClaimState.WAITING or set(one.programme_ids) == set(one.queued)
        if not first or not stands:
            self.suspects.add(referral)
        if not its_claim:
            return
        if (recorded := self._recorded.pop(referral, None)) is None:
            self._kept[referral] = its_claim
        elif recorded != its_claim:
            self.suspects.add(referral)

    @property
    def suspected(self) -> Collection[int]:
        return self.suspects.union(self._recorded, self._kept)


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
        read = _ClaimsRead()
        last, referrals, suspected = await self._read_both(read)
        figures = last.figures or ()
        counts = compare_counts(figures, read.counts())
        found, _ = await self._look_up(suspected) if suspected else ([], None)
        suspects, began = _Suspects(), time.monotonic()
        suspects.see([*found, *compare_figures(await self.record.programmes(), figures)], began)
        settled = await self._settle(suspects, last.data_version, began)
        return Report(
            data_version=last.data_version,
            programmes=len(figures),
            referrals=referrals,
            claims=read.number(),
            differences=(*counts, *settled),
            unsettled=len(suspects.since) - len(settled),
        )

    async def _read_both(self, read: _ClaimsRead) -> tuple[ClaimsPage, int, Collection[int]]:
        """Both sides at once: capacity's last page, the number of open referrals, and those that may differ."""
        matching = _Matching()
        recording = asyncio.create_task(self._read_record(matching))
        try:
            return await self._read_capacity(matching, read), await recording, matching.suspected
        finally:
            recording.cancel()

    async def _read_record(self, matching: "_Matching") -> int:
        """The number of open referrals."""
        number, after = 0, None
        while claims := (page := await self.record.fingerprints(after, BATCH)).claims:
            for referral, its_claim in claims:
                if its_claim:
                    matching.add_recorded(referral, its_claim)
            number, after = number + len(claims), page.last
        return number

    async def _read_capacity(self, matching: "_Matching", read: _ClaimsRead) -> ClaimsPage:
        """The last page; each is on its way while the one before is compared."""
        following = asyncio.create_task(self.capacity.claims_page(None))
        try:
            while True:
                page = await following
                if page.figures is None:
                    following = asyncio.create_task(self.capacity.claims_page(page.next))
                for start in range(0, len(page.items), AT_ONCE):
                    await asyncio.sleep(0)  # the next page is asked for, and others are answered
                    for one in page.items[start : start + AT_ONCE]:
                        matching.add_kept(one, first=read.add(one))
                matching.suspects.update(one.referral_id.int for one in page.unreadable)
                if page.figures is not None:
                    return page
        finally:
            following.cancel()

    async def _differences(self, kept: Mapping[UUID, KeptClaim]) -> dict[UUID, Difference]:
        recorded = {one.claim.referral_id: one for one in await self.record.lookup(list(kept))}
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
        again, page = await self._look_up([one.int for one in suspects.referrals])
        under_way.relayed = page.relayed
        again += compare_figures(await self.record.programmes(), page.figures or ())
        return [one for one in again if one.about in suspects.since]

    async def _look_up(self, referrals: Collection[int]) -> tuple[list[Difference], ClaimsPage]:
        """What differs of these referrals now, and the last page of the look-up, which has the figures."""
        ids, found = [UUID(int=one) for one in referrals], list[Difference]()
        for part in [ids[at : at + BATCH // 2] for at in range(0, len(ids), BATCH // 2)] or [[]]:
            page = await self.capacity.look_up_claims(part)
            found += (await self._differences({one.referral_id: one for one in page.items})).values()
            found += (await self._unreadable(page)).values()
        return found, page


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
