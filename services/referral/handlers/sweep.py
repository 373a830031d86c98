"""The sweep: every referral whose deadline has come takes its step. Two at once do no harm, nor one cut off."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.kit.errors import Conflict
from services.referral.domain.keeping import keep
from services.referral.domain.life import Command
from services.referral.domain.referral import Change
from services.referral.ports import Deadlines, Loaded, Referrals

BATCH = 200


@dataclass(frozen=True)
class Sweep:
    """Looks once at each referral that is due; a step is settled by the referral's version."""

    referrals: Referrals
    deadlines: Deadlines
    batch: int = BATCH

    async def __call__(self, now: datetime) -> Counter[Command]:
        """How many steps of each kind were taken."""
        taken = Counter[Command]()
        last: tuple[datetime, UUID] | None = None
        while due := await self.deadlines.due(now, last, self.batch):
            changes = [change for one in due if (change := keep(one.referral, one.offers, now))]
            taken.update(one.step.command for one in await self._save(changes))
            last = _position(due[-1])
        return taken

    async def _save(self, changes: Sequence[Change]) -> Sequence[Change]:
        """All at once; when somebody was faster with one of them, each by itself."""
        try:
            await self.referrals.save(changes)
            return changes
        except Conflict:
            return [one for one in changes if await self._save_one(one)]

    async def _save_one(self, change: Change) -> bool:
        try:
            await self.referrals.save([change])
        except Conflict:
            return False
        return True


def _position(one: Loaded) -> tuple[datetime, UUID] | None:
    due_at = one.referral.due_at
    return (due_at, one.referral.id) if due_at else None
