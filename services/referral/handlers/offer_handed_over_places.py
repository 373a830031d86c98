"""A free place was handed to the first in its queue: the offer to the center."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.contracts.claims import DataVersion
from services.contracts.events import Payload, PlaceHandedOverV1
from services.contracts.vocabulary import CLOSED, ReferralState
from services.contracts.working_days import KAZAKHSTAN, WorkingDays
from services.referral.domain.deadline_steps import return_to_router
from services.referral.domain.life import Command
from services.referral.domain.network import Network
from services.referral.domain.referral import Change, ReferralWithOffers
from services.referral.handlers.claim_places import offer_place
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Clock, Registry


@dataclass(frozen=True)
class OfferHandedOverPlaces:
    """Makes the offers to children whose waiting is recorded; for the others the event came early."""

    registry: Registry
    clock: Clock
    working_days: WorkingDays = KAZAKHSTAN

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        network, now = await self.registry.network(), self.clock()
        changes: dict[str, Change] = {}
        early, last = set[str](), None
        for event_id, data in batch.items():
            assert isinstance(data, PlaceHandedOverV1)  # noqa: S101  by the table of reactions
            if data.referral_id is None or _is_lost(data, context.data_version):
                continue
            one = context.referrals.get(data.referral_id)
            if one is None or _is_early(one, data):
                early.add(event_id)
                continue
            last = max(last or data, data, key=lambda step: step.sequence)
            if one.referral.state is ReferralState.WAITING and one.referral.attempt == data.attempt:
                changes[str(data.referral_id)] = self._offer(one, data, network, now)
        version = DataVersion(epoch=last.epoch, sequence=last.sequence) if last else None
        return Effect(list(changes.values()), version, early=frozenset(early))

    def _offer(self, one: ReferralWithOffers, data: PlaceHandedOverV1, network: Network, now: datetime) -> Change:
        """The offer. For a programme that was closed meanwhile, or of whose ages the child is no longer, the child is
        routed anew, which releases the place."""
        programme = network.programmes.get(data.programme_id)
        if programme is None or not programme.accepts_age(one.referral.needs.age_at(now)):
            return return_to_router(one.referral, now)
        return offer_place(
            one.referral, data.programme_id, network, now, command=Command.HAND_OVER, working_days=self.working_days
        )


def _is_lost(data: PlaceHandedOverV1, version: DataVersion | None) -> bool:
    """Whether a lost generation handed it over: the child still waits, in the new one."""
    return version is not None and data.epoch != version.epoch


def _is_early(one: ReferralWithOffers, data: PlaceHandedOverV1) -> bool:
    return one.referral.state not in CLOSED and one.referral.attempt < (data.attempt or 0)
