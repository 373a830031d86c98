"""A diagnosis was recorded: find the child a place, or a place in the queues."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.contracts.events import DiagnosisRecordedV1, Event
from services.contracts.vocabulary import ReferralState
from services.kit.errors import PermanentError
from services.referral.domain.network import Network
from services.referral.domain.programmes import Needs
from services.referral.domain.referral import Referral
from services.referral.domain.routing import queue_rank
from services.referral.handlers.route import draft, place
from services.referral.ports import Claims, Clock, Referrals, Registry

CONSUMER = "place_children"


@dataclass(frozen=True)
class PlaceChildren:
    """Takes a batch: one claim call, one transaction. Repeating it changes nothing."""

    referrals: Referrals
    claims: Claims
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Sequence[Event]) -> None:
        recorded = {e.envelope.id: e.data for e in batch if isinstance(e.data, DiagnosisRecordedV1)}
        if not recorded:
            return
        found = await self.referrals.look(CONSUMER, recorded.keys(), [data.referral_id for data in recorded.values()])
        new = {
            data.referral_id: data
            for event_id, data in recorded.items()
            if event_id in found.unseen and data.referral_id not in found.known
        }
        network, now = await self.registry.network(), self.clock()
        drafts = [draft(_referral(data, network), network, now) for data in new.values()]
        changes, mark = await place(drafts, self.claims, self.registry, network, found.mark, now)
        await self.referrals.save(
            changes, consumer=CONSUMER, event_ids=found.unseen, mark=mark, registry_version=network.version
        )


def _referral(data: DiagnosisRecordedV1, network: Network) -> Referral:
    region = network.region_of(data.settlement_id)
    if region is None:
        raise PermanentError(f"settlement_id: no settlement {data.settlement_id}")
    needs = Needs.of(data, region)
    return Referral(
        id=data.referral_id,
        child_id=data.child_id,
        polyclinic_id=data.polyclinic_id,
        needs=needs,
        rank=queue_rank(needs),
        state=ReferralState.SUBMITTED,
        version=0,
        attempt=1,
    )
