"""The sweep: every referral that is due takes its deadline step, or is reviewed. One process sweeps at a time."""

import collections
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from services.kit.errors import Conflict, TransientError
from services.referral.domain.deadline_steps import REVIEWED, deadline_step, review
from services.referral.domain.deadlines import PASS_OVER
from services.referral.domain.life import Command
from services.referral.domain.referral import Change, ReferralWithOffers
from services.referral.metrics import sweep_failed
from services.referral.ports import Deadlines, Queues, Referrals, Registry

log = structlog.get_logger()
BATCH = 200


async def _always() -> bool:
    return True


@dataclass(frozen=True)
class Sweep:
    """Each due referral once, in batches; a step is settled by the referral's version.

    `may_go_on` is asked before each batch: it acquires or renews the sweep's lease. `pass_over`: for how long an expiry
    passes its center over.
    """

    referrals: Referrals
    deadlines: Deadlines
    queues: Queues
    registry: Registry
    may_go_on: Callable[[], Awaitable[bool]] = _always
    batch: int = BATCH
    pass_over: timedelta = PASS_OVER

    async def __call__(
        self, now: datetime, progress: Callable[[], None] = lambda: None
    ) -> Mapping[Command, int] | None:
        """The number of steps of each kind, or None while another process sweeps; `progress` is called each batch."""
        steps = collections.Counter[Command]()
        last: tuple[datetime, UUID] | None = None
        while True:
            if not await self.may_go_on():
                return None
            if not (due := await self.deadlines.due(now, last, self.batch)):
                return steps
            found = {one.referral.id: _deadline_step(one, now, self.pass_over) for one in due}
            found |= await self._reviews(due, now)
            changes = [step for step in found.values() if isinstance(step, Change)]
            steps.update(one.entry.command for one in await self._save(changes))
            await self._put_off([one for one in due if found[one.referral.id] is None], now)
            last = _position(due[-1])
            progress()

    async def _reviews(self, due: Sequence[ReferralWithOffers], now: datetime) -> Mapping[UUID, Change]:
        """A failure here is ours to mend, and does not keep other deadlines from being kept."""
        try:
            return await self._review(due, now)
        except TransientError:
            raise
        except Exception:
            sweep_failed.inc()
            log.exception("sweep.review_failed")
            return {}

    async def _review(self, due: Sequence[ReferralWithOffers], now: datetime) -> Mapping[UUID, Change]:
        """The unplaced referrals whose candidates are no longer the programmes in whose queues they stand."""
        unplaced = [one for one in due if one.referral.state in REVIEWED]
        if not unplaced:
            return {}
        network = await self.registry.network()
        unplaced = [one for one in unplaced if one.referral.needs.settlement_id in network.settlements]
        queues = await self.queues.entries([one.referral.id for one in unplaced])
        reviewed = {}
        for one in unplaced:
            decision = network.decide(one.referral.needs, now, one.excluded_ids(now))
            if change := review(one.referral, queues.get(one.referral.id, ()), decision, now):
                reviewed[one.referral.id] = change
        return reviewed

    async def _put_off(self, unchanged: Sequence[ReferralWithOffers], now: datetime) -> None:
        """They are due when other programmes may accept the child, or at the deadline."""
        moves = {}
        for loaded in unchanged:
            one = loaded.referral
            if one.due_at and one.deadline_at:
                moves[one.id] = one.due_at, min(one.deadline_at, loaded.review_at(now))
        await self.deadlines.put_off(moves)

    async def _save(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Those that were saved: all, or when a person was faster with one of them, all others."""
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


def _deadline_step(one: ReferralWithOffers, now: datetime, pass_over: timedelta) -> Change | Exception | None:
    """The step, or why it failed: that is ours to mend, and keeps no other child waiting."""
    try:
        return deadline_step(one.referral, one.offers, now, pass_over)
    except Exception as error:
        sweep_failed.inc()
        log.exception("sweep.step_failed", referral=str(one.referral.id))
        return error


def _position(one: ReferralWithOffers) -> tuple[datetime, UUID] | None:
    due_at = one.referral.due_at
    return (due_at, one.referral.id) if due_at else None
