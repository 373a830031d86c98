"""A center's entry was made or changed: bring its programmes to capacity, with those who wait and now may go there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.contracts.claims import ProgrammeOpening, WaitingClaim
from services.contracts.events import CenterRegisteredV1, Event
from services.referral.domain.eligibility import exclusion
from services.referral.domain.network import Network
from services.referral.domain.programmes import Programme
from services.referral.domain.routing import Candidate
from services.referral.ports import Claims, Clock, Loaded, Referrals, Registry


@dataclass(frozen=True)
class OpenCenter:
    """Takes a batch. Repeating it changes nothing: capacity keeps the figure that was confirmed last."""

    referrals: Referrals
    claims: Claims
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Sequence[Event]) -> None:
        for center_id in dict.fromkeys(e.data.center_id for e in batch if isinstance(e.data, CenterRegisteredV1)):
            network = await self.registry.network()
            for opening in await self.registry.openings(center_id):
                await self._open(opening, network)

    async def _open(self, opening: ProgrammeOpening, network: Network) -> None:
        now, programme_id = self.clock(), opening.programme_id
        joining = [
            one.referral
            for one in await self.referrals.waiting()
            if _accepts(network.programmes[programme_id], one, network, now)
        ]
        await self.referrals.join_queues(
            {
                one.id: Candidate(programme_id, network.distance(one.needs.settlement_id, programme_id))
                for one in joining
            }
        )
        queue = tuple(WaitingClaim(referral_id=one.id, attempt=one.attempt, rank=one.rank) for one in joining)
        await self.claims.open_programme(opening.model_copy(update={"waiting": queue}))


def _accepts(programme: Programme, one: Loaded, network: Network, now: datetime) -> bool:
    needs = one.referral.needs
    kilometers = network.distance(needs.settlement_id, programme.id)
    return exclusion(needs, needs.age_at(now), programme, kilometers, one.passed) is None
