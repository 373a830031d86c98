"""Diagnoses were recorded: each new referral holds a place, or joins the queues."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.contracts.events import DiagnosisRecordedV1, Payload
from services.contracts.vocabulary import ReferralState
from services.kit.errors import PermanentError
from services.referral.domain.network import Network
from services.referral.domain.programmes import Needs
from services.referral.domain.referral import Referral
from services.referral.domain.routing import queue_rank
from services.referral.handlers.claim_places import ClaimPlaces, draft
from services.referral.handlers.effect import NOTHING, Effect
from services.referral.ports import BatchContext, Clock, Registry

LONGEST_AGO, SOONEST = timedelta(days=400), timedelta(days=1)
"""How far the submission of a new referral may lie back, or ahead by a wrong clock: its turn is counted from it."""


@dataclass(frozen=True)
class RouteNewReferrals:
    claim_places: ClaimPlaces
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        new = {
            data.referral_id: data
            for data in batch.values()
            if isinstance(data, DiagnosisRecordedV1) and data.referral_id not in context.referrals
        }
        if not new:
            return NOTHING
        network, now = await self.registry.network(), self.clock()
        for data in new.values():
            if not now - LONGEST_AGO <= data.submitted_at <= now + SOONEST:
                raise PermanentError(f"submitted_at: {data.submitted_at.isoformat()} gives a turn that is nobody's")
        drafts = [draft(_referral(data, network), network, now) for data in new.values()]
        return await self.claim_places(drafts, network, context.data_version, now)


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
        submitted_by=data.submitted_by,
    )
