"""The sweep: every referral whose deadline has come takes its step. Two at once do no harm, nor one cut off."""

import collections
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from prometheus_client import Counter

from services.kit.errors import Conflict, TransientError
from services.referral.domain.keeping import REVIEWED, keep, review
from services.referral.domain.life import Command
from services.referral.domain.referral import Change
from services.referral.domain.routing import rank_programmes
from services.referral.ports import Deadlines, Loaded, Referrals, Registry

log = structlog.get_logger()
BATCH = 200
LOSE_AT_MOST = 3
"""So often a batch is looked at again because another sweeper was faster; then each of it is saved by itself."""

failed = Counter("joldama_sweep_failed_total", "Times that a due referral could not take its step")


@dataclass(frozen=True)
class Sweep:
    """Looks once at each referral that is due; a step is settled by the referral's version."""

    referrals: Referrals
    deadlines: Deadlines
    registry: Registry
    batch: int = BATCH

    async def __call__(
        self, now: datetime, progressed: Callable[[], None] = lambda: None
    ) -> collections.Counter[Command]:
        """How many steps of each kind were taken; `progressed` is told of each batch."""
        taken = collections.Counter[Command]()
        last: tuple[datetime, UUID] | None = None
        lost = 0
        while due := await self.deadlines.due(now, last, self.batch):
            reviewed = await self._reviewed(due, now)
            steps = {one.referral.id: reviewed.get(one.referral.id) or _kept(one, now) for one in due}
            changes = [step for step in steps.values() if isinstance(step, Change)]
            try:
                saved = await self._save(changes, singly=lost == LOSE_AT_MOST)
            except Conflict:  # somebody was faster with one of them: look again who is due still
                lost += 1
                continue
            taken.update(one.step.command for one in saved)
            await self._put_off([one for one in due if steps[one.referral.id] is None], now)
            last, lost = _position(due[-1]), 0
            progressed()
        return taken

    async def _reviewed(self, due: Sequence[Loaded], now: datetime) -> Mapping[UUID, Change]:
        """What cannot be reviewed is ours to mend, and keeps no deadline from being kept."""
        try:
            return await self._review(due, now)
        except TransientError:
            raise
        except Exception:
            failed.inc()
            log.exception("sweep.cannot_review")
            return {}

    async def _review(self, due: Sequence[Loaded], now: datetime) -> Mapping[UUID, Change]:
        """Of those who wait, or could not be placed: who may go elsewhere by now."""
        waiting = [one for one in due if one.referral.state in REVIEWED]
        if not waiting:
            return {}
        network = await self.registry.network()
        waiting = [one for one in waiting if one.referral.needs.settlement_id in network.settlements]
        waits_for = await self.deadlines.waits_for([one.referral.id for one in waiting])
        reviewed = {}
        for one in waiting:
            needs = one.referral.needs
            decision = rank_programmes(needs, network.neighbors(needs.settlement_id), now, one.passed)
            if change := review(one.referral, waits_for.get(one.referral.id, ()), decision, now):
                reviewed[one.referral.id] = change
        return reviewed

    async def _put_off(self, early: Sequence[Loaded], now: datetime) -> None:
        """Nothing has changed for these: they are looked at when they are a month older, or at their deadline."""
        looks = {}
        for one in (loaded.referral for loaded in early):
            if one.due_at and one.deadline_at:
                looks[one.id] = one.due_at, min(one.deadline_at, one.needs.older_at(now))
        await self.deadlines.put_off(looks)

    async def _save(self, changes: Sequence[Change], *, singly: bool) -> Sequence[Change]:
        """Those that were saved: all at once (raises Conflict), or each by itself."""
        if singly:
            return [one for one in changes if await self._save_one(one)]
        await self.referrals.save(changes)
        return changes

    async def _save_one(self, change: Change) -> bool:
        try:
            await self.referrals.save([change])
        except Conflict:
            return False
        return True


def _kept(one: Loaded, now: datetime) -> Change | Exception | None:
    """Its step, or why it can take none: that is ours to mend, and keeps no other child waiting."""
    try:
        return keep(one.referral, one.offers, now)
    except Exception as error:
        failed.inc()
        log.exception("sweep.cannot", referral=str(one.referral.id))
        return error


def _position(one: Loaded) -> tuple[datetime, UUID] | None:
    due_at = one.referral.due_at
    return (due_at, one.referral.id) if due_at else None
