"""Diagnoses were corrected: the referrals have the new needs, and who waits or has an offer is looked at again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.contracts.events import DiagnosisCorrectedV1, Payload
from services.contracts.vocabulary import CLOSED
from services.kit.errors import PermanentError
from services.referral.domain.corrections import correct, look_again
from services.referral.domain.network import Network
from services.referral.domain.referral import Change, ReferralWithOffers
from services.referral.domain.routing import rank_programmes
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Clock, Queues, Registry


@dataclass(frozen=True)
class CorrectReferrals:
    """A correction of a referral that is not in the record yet came early; one of a closed referral changes nothing."""

    queues: Queues
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        early = set[str]()
        newest = dict[UUID, DiagnosisCorrectedV1]()
        for event_id, data in batch.items():
            assert isinstance(data, DiagnosisCorrectedV1)  # noqa: S101  by the table of reactions
            one = context.referrals.get(data.referral_id)
            if one is None:
                early.add(event_id)
            elif one.referral.state not in CLOSED and data.version > one.referral.diagnosis_version:
                newest[data.referral_id] = _newer(newest.get(data.referral_id), data)
        if not newest:
            return Effect(early=frozenset(early))
        network, now = await self.registry.network(), self.clock()
        queues = await self.queues.entries(newest.keys())
        changes = [
            change
            for id, data in newest.items()
            for change in _steps(context.referrals[id], data, queues.get(id, frozenset()), network, now)
        ]
        return Effect(changes, early=frozenset(early))


def _newer(known: DiagnosisCorrectedV1 | None, data: DiagnosisCorrectedV1) -> DiagnosisCorrectedV1:
    """The newer of two corrections, with the fields of both."""
    if known is None:
        return data
    newer = max(known, data, key=lambda one: one.version)
    return newer.model_copy(update={"corrected": tuple(dict.fromkeys((*known.corrected, *data.corrected)))})


def _steps(
    one: ReferralWithOffers, data: DiagnosisCorrectedV1, queues: frozenset[str], network: Network, now: datetime
) -> list[Change]:
    region = network.region_of(data.settlement_id)
    if region is None:
        raise PermanentError(f"settlement_id: no settlement {data.settlement_id}")
    corrected = correct(one.referral, data, region, now)
    needs = corrected.referral.needs
    neighbors = network.neighbors(needs.settlement_id)
    decision = rank_programmes(needs, neighbors, network.figures, now, one.excluded_ids, network.staleness)
    again = look_again(one.referral, corrected.referral, one.offers, queues, decision, now)
    return [corrected, again] if again else [corrected]
