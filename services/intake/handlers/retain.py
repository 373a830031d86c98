"""Retention at intake: children whose referrals are long over are erased, and names of staff go."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.intake.handlers.access import Known, Referrals
from services.kit.retention import Kept, Step

BATCH = 200
"""Children of one step, after which the table of their keys is scrubbed."""
LOOKED_AT = 20
"""Batches that are looked at for what is due."""
CHILDREN, PERSONS, ANSWERS = "children", "persons", "idempotency keys"


class Expiring(Protocol):
    """What intake keeps."""

    async def candidates(self, before: datetime, after: UUID | None, most: int) -> Mapping[UUID, Sequence[UUID]]:
        """The next children whose last act at intake was earlier, in the order of ids, with their referrals."""
        ...

    async def expire(self, child_ids: Collection[UUID], over: frozenset[UUID], before: datetime, at: datetime) -> int:
        """Erase those that are candidates still, each audited, durable; how many. Their referrals in `over` are."""
        ...

    async def strip(self, before: datetime, most: int) -> int:
        """Leave out persons of acts before that; how many."""
        ...

    async def counts(self, persons_before: datetime | None) -> Mapping[str, Kept]:
        """Persons and idempotency keys with what is due, and all kinds with what was swept."""
        ...


@dataclass(frozen=True, slots=True)
class Retaining:
    """`keep_children` and `keep_persons`: None is for ever."""

    expiring: Expiring
    referrals: Referrals
    keep_children: timedelta | None
    keep_persons: timedelta | None
    now: Callable[[], datetime]

    async def status(self) -> Sequence[Kept]:
        """Raises TransientError while the referral service does not say which referrals are over."""
        found = await self.expiring.counts(self._before(self.keep_persons))
        children, known = found[CHILDREN], found[PERSONS]
        due = Kept(CHILDREN, self.keep_children, await self._due(), children.swept, children.swept_at)
        persons = Kept(PERSONS, self.keep_persons, known.due, known.swept, known.swept_at)
        return [due, persons, found[ANSWERS]]

    async def sweep(self, after: UUID | None) -> Step:
        persons = 0
        if after is None and (before := self._before(self.keep_persons)):
            while some := await self.expiring.strip(before, BATCH):
                persons += some
        if not (before := self._before(self.keep_children)):
            return Step({CHILDREN: 0, PERSONS: persons})
        found, due, over = await self._look(before, after)
        swept = await self.expiring.expire(due, over, before, self.now()) if due else 0
        return Step({CHILDREN: swept, PERSONS: persons}, _next(found))

    def _before(self, keep: timedelta | None) -> datetime | None:
        return self.now() - keep if keep else None

    async def _due(self) -> int:
        before, after, due = self._before(self.keep_children), None, 0
        for _ in range(LOOKED_AT if before else 0):
            assert before  # noqa: S101  the range is empty without
            found, some, _ = await self._look(before, after)
            due += len(some)
            if not (last := _next(found)):
                break
            after = last
        return due

    async def _look(
        self, before: datetime, after: UUID | None
    ) -> tuple[Mapping[UUID, Sequence[UUID]], list[UUID], frozenset[UUID]]:
        """The next candidates, those of them that are due, and the referrals that are long over."""
        found = await self.expiring.candidates(before, after, BATCH)
        ids = [one for theirs in found.values() for one in theirs]
        over = _long_over(await self.referrals.ask(ids), before) if ids else frozenset()
        return found, [child_id for child_id, theirs in found.items() if over.issuperset(theirs)], over


def _long_over(known: Known, before: datetime) -> frozenset[UUID]:
    """The closed referrals whose last act was earlier; one whose last act is not told is kept."""
    return frozenset(id for id, one in known.items() if one.closed and one.last_act_at and one.last_act_at < before)


def _next(found: Mapping[UUID, Sequence[UUID]]) -> UUID | None:
    return list(found)[-1] if len(found) == BATCH else None
