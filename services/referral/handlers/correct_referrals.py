"""Diagnoses were corrected, children joined, or consents withdrawn: the referrals follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.contracts.events import ChildrenJoinedV1, ConsentWithdrawnV1, DiagnosisCorrectedV1, Payload
from services.contracts.vocabulary import CLOSED
from services.kit.errors import PermanentError
from services.referral.domain.corrections import correct, join, look_again, withdraw
from services.referral.domain.network import Network
from services.referral.domain.referral import Change, ReferralWithOffers
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Clock, Queues, Registry


@dataclass(frozen=True)
class CorrectReferrals:
    """A correction of a referral that is not in the record yet came early; one of a closed referral changes nothing."""

    queues: Queues
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        known = dict(context.referrals)
        early = frozenset(id for id, data in batch.items() if not _named(data) <= known.keys())
        in_time = [data for id, data in batch.items() if id not in early]
        now = self.clock()
        changes = await self._correct(_newest(in_time, known), known, now)
        for data in in_time:
            if isinstance(data, ChildrenJoinedV1):
                kept, ended = known[data.referral_id], known[data.ended_referral_id]
                changes += _known(known, join(kept, ended, data, now))
            elif isinstance(data, ConsentWithdrawnV1):
                changes += _known(known, withdraw(known[data.referral_id], data, now))
        return Effect(changes, early=early)

    async def _correct(
        self, newest: Mapping[UUID, DiagnosisCorrectedV1], known: dict[UUID, ReferralWithOffers], now: datetime
    ) -> list[Change]:
        if not newest:
            return []
        network, queues = await self.registry.network(), await self.queues.entries(newest.keys())
        return [
            change
            for id, data in newest.items()
            for change in _known(known, _steps(known[id], data, queues.get(id, frozenset()), network, now))
        ]


def _named(data: Payload) -> set[UUID]:
    """The referrals that must be in the record."""
    if isinstance(data, ChildrenJoinedV1):
        return {data.referral_id, data.ended_referral_id}
    assert isinstance(data, DiagnosisCorrectedV1 | ConsentWithdrawnV1)  # noqa: S101  by the table of reactions
    return {data.referral_id}


def _newest(batch: Sequence[Payload], known: Mapping[UUID, ReferralWithOffers]) -> dict[UUID, DiagnosisCorrectedV1]:
    """By open referral the newest correction that it does not have yet."""
    newest = dict[UUID, DiagnosisCorrectedV1]()
    for data in batch:
        if isinstance(data, DiagnosisCorrectedV1):
            one = known[data.referral_id].referral
            if one.state not in CLOSED and data.version > one.diagnosis_version:
                newest[one.id] = _newer(newest.get(one.id), data)
    return newest


def _known(known: dict[UUID, ReferralWithOffers], changes: list[Change]) -> list[Change]:
    """The changes, after which the referrals are known as they will be."""
    for one in changes:
        known[one.referral.id] = replace(known[one.referral.id], referral=one.referral)
    return changes


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
    corrected = correct(one.referral, one.offers, data, region, now)
    needs = corrected.referral.needs
    decision = network.decide(needs, now, one.excluded_ids(now))
    again = look_again(one.referral, corrected.referral, one.offers, queues, decision, now)
    return [corrected, again] if again else [corrected]
