"""The audit: capacity held against the record while traffic flows. What is only under way is no difference."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from services.contracts.claims import DataVersion, ProgrammeCapacity, ProgrammeFigures
from services.contracts.rebuild import BATCH, ClaimsPage, KeptClaim
from services.kit.errors import TransientError
from services.referral.domain.audit import (
    Difference,
    Recorded,
    compare_claims,
    compare_counts,
    compare_figures,
)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0


class AuditedRecord(Protocol):
    """The record's side. Raises TransientError."""

    async def programmes(self) -> Sequence[ProgrammeCapacity]: ...

    async def recorded(self, after: UUID | None, limit: int) -> Sequence[Recorded]:
        """Open referrals behind `after`, by id."""
        ...

    async def look(self, referral_ids: Collection[UUID]) -> Sequence[Recorded]: ...

    async def unsent_since(self) -> float | None:
        """How many seconds the oldest event waits for its relay; None when none does."""
        ...


class Books(Protocol):
    """Capacity's side. Raises TransientError, also while capacity is rebuilding."""

    async def claims_page(self, cursor: str | None) -> ClaimsPage: ...

    async def look_at_claims(self, referral_ids: Sequence[UUID]) -> ClaimsPage: ...


Ends = Mapping[tuple[str, int], int]
"""By topic and partition, the offset of the next event."""


class Flow(Protocol):
    """The events on their way to the worker. Raises TransientError."""

    async def ends(self) -> Ends: ...

    async def passed(self, ends: Ends) -> bool:
        """Whether the worker has settled all before `ends`."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, at capacity's `mark`. `unsettled` counts what may still be on its way."""

    mark: DataVersion
    programmes: int
    referrals: int
    claims: int
    differences: tuple[Difference, ...]
    unsettled: int = 0


@dataclass
class _Suspects:
    """Differences by what they are about, each with the time since which it has been the same."""

    since: dict[tuple[str, str], tuple[Difference, float]] = field(default_factory=dict)

    def see(self, found: Sequence[Difference], now: float) -> None:
        """Keep those that are still there; one that changed begins anew."""
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
class Audit:
    """Compares all once, and then looks at each suspect until it has gone or all that was under way has settled.

    A suspect counts when it has stayed the same for `patience` seconds, in which the events recorded by then were
    published and settled. After `most` seconds what is left is said to be unsettled.
    """

    record: AuditedRecord
    books: Books
    flow: Flow | None = None
    patience: float = 1.0
    most: float = 20.0

    async def __call__(self) -> Report:
        mark, kept, figures = await self._kept()
        recorded = await self._recorded()
        counts = compare_counts(figures, kept.values())
        began = time.monotonic()
        suspects = _Suspects()
        suspects.see(
            [*compare_claims(recorded, kept), *compare_figures(await self.record.programmes(), figures)], began
        )
        settled = await self._settle(suspects, mark, began)
        return Report(
            mark=mark,
            programmes=len(figures),
            referrals=len(recorded),
            claims=sum(bool(one.programme_ids) for one in kept.values()),
            differences=(*counts, *settled),
            unsettled=len(suspects.since) - len(settled),
        )

    async def _kept(self) -> tuple[DataVersion, dict[UUID, KeptClaim], Sequence[ProgrammeFigures]]:
        kept: dict[UUID, KeptClaim] = {}
        cursor = None
        while True:
            page = await self.books.claims_page(cursor)
            kept |= {one.referral_id: one for one in page.items}
            if page.figures is not None:
                return page.mark, kept, page.figures
            cursor = page.next

    async def _recorded(self) -> dict[UUID, Recorded]:
        found: dict[UUID, Recorded] = {}
        after = None
        while rows := await self.record.recorded(after, BATCH):
            found |= {one.claim.referral_id: one for one in rows}
            after = rows[-1].claim.referral_id
        return found

    async def _settle(self, suspects: _Suspects, mark: DataVersion, began: float) -> list[Difference]:
        under_way = _UnderWay(self.record, self.flow, mark)
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
        recorded: dict[UUID, Recorded] = {}
        kept: dict[UUID, KeptClaim] = {}
        figures: Sequence[ProgrammeFigures] = ()
        ids = suspects.referrals
        for part in [ids[at : at + BATCH // 2] for at in range(0, len(ids), BATCH // 2)] or [[]]:
            page = await self.books.look_at_claims(part)
            kept |= {one.referral_id: one for one in page.items}
            recorded |= {one.claim.referral_id: one for one in await self.record.look(part)}
            figures = page.figures or ()
            under_way.relayed = page.relayed
        again = [*compare_claims(recorded, kept), *compare_figures(await self.record.programmes(), figures)]
        return [one for one in again if one.about in suspects.since]


@dataclass
class _UnderWay:
    """What had happened when the audit compared, on its way between the two sides."""

    record: AuditedRecord
    flow: Flow | None
    mark: DataVersion
    relayed: DataVersion | None = None
    _began: float = field(default_factory=time.monotonic)
    _ends: Ends | None = None

    async def has_settled(self) -> bool:
        """Capacity's steps are relayed, the record's events published, and the worker is behind all of them."""
        if self.flow is None:
            return True
        try:
            if self._ends is None:
                if not await self._is_sent():
                    return False
                self._ends = await self.flow.ends()
            return await self.flow.passed(self._ends)
        except TransientError:
            return False

    async def _is_sent(self) -> bool:
        waits = await self.record.unsent_since()
        if waits is not None and waits >= time.monotonic() - self._began:
            return False
        relayed = self.relayed
        return relayed is not None and relayed.epoch == self.mark.epoch and relayed.sequence >= self.mark.sequence
