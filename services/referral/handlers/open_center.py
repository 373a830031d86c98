"""A center's entry was made or changed: bring its programmes to capacity, with those who wait and now may go there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.contracts.claims import Mark, ProgrammeOpening, WaitingClaim
from services.contracts.events import CenterRegisteredV1, Event
from services.referral.domain.eligibility import exclusion
from services.referral.domain.network import Network
from services.referral.domain.programmes import Programme
from services.referral.domain.referral import Referral
from services.referral.domain.routing import candidate
from services.referral.ports import Claims, Clock, Deadlines, Loaded, Referrals, Registry

CONSUMER = "open_center"
JOINING = 5000
"""How many join a queue in one step of capacity, which does nothing else meanwhile."""


@dataclass(frozen=True)
class OpenCenter:
    """Takes a batch. Repeating it changes nothing: capacity keeps the figure that was confirmed last."""

    referrals: Referrals
    claims: Claims
    deadlines: Deadlines
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Sequence[Event]) -> None:
        centers = {e.data.center_id for e in batch if isinstance(e.data, CenterRegisteredV1)}
        if not centers:
            return
        # Who starts to wait after this reading knows these programmes: the record takes no older network's waiting.
        network, waiting = await self.registry.network(), await self.referrals.waiting()
        seen = (await self.referrals.look(CONSUMER, (), ())).mark
        programmes = [one.id for one in network.programmes.values() if one.center_id in centers]
        for opening in await self.registry.openings(programmes):
            await self._open(opening, network, waiting, seen)
            await self._review(network.programmes[opening.programme_id], network, waiting)

    async def _open(
        self, opening: ProgrammeOpening, network: Network, waiting: Sequence[Loaded], seen: Mark | None
    ) -> None:
        now, programme = self.clock(), network.programmes[opening.programme_id]
        joining = [one.referral for one in waiting if _accepts(programme, one, network, now)]
        far = {one.id: network.distance(one.needs.settlement_id, programme.id) for one in joining}
        await self.referrals.join_queues(
            {id: candidate(programme, kilometers, now, network.staleness) for id, kilometers in far.items()}
        )
        for part in _parts(joining):
            await self.claims.open_programme(opening.model_copy(update={"waiting": part, "seen": seen}))

    async def _review(self, programme: Programme, network: Network, waiting: Sequence[Loaded]) -> None:
        """Who waits for what no longer accepts it, and whom nobody accepted till now: the sweep looks at once."""
        now, unplaceable = self.clock(), await self.referrals.unplaceable()
        accepted = {one.referral.id for one in waiting if _accepts(programme, one, network, now)}
        wrong = await self.deadlines.waiting_for(programme.id) - accepted
        welcome = {one.referral.id for one in unplaceable if _accepts(programme, one, network, now)}
        await self.deadlines.look_now(wrong | welcome, now)


def _accepts(programme: Programme, one: Loaded, network: Network, now: datetime) -> bool:
    needs = one.referral.needs
    kilometers = network.distance(needs.settlement_id, programme.id)
    return exclusion(needs, needs.age_at(now), programme, kilometers, one.passed) is None


def _parts(joining: Sequence[Referral]) -> list[tuple[WaitingClaim, ...]]:
    """The first in rank join first: places are given after the first part."""
    queue = tuple(
        WaitingClaim(referral_id=one.id, attempt=one.attempt, rank=one.rank)
        for one in sorted(joining, key=lambda one: (one.rank, str(one.id)))
    )
    return [queue[start : start + JOINING] for start in range(0, len(queue), JOINING)] or [()]
