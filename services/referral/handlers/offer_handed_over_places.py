"""A free place was handed to the first in its queue: the offer to the center."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.contracts.claims import DataVersion
from services.contracts.events import Payload, PlaceHandedOverV1
from services.contracts.rebuild import KeptClaim
from services.contracts.vocabulary import CLOSED, ClaimState, ReferralState
from services.contracts.working_days import KAZAKHSTAN, WorkingDays
from services.kit.errors import PermanentError
from services.referral.domain.deadline_steps import return_to_router
from services.referral.domain.life import Command
from services.referral.domain.network import Network
from services.referral.domain.referral import Change, ReferralWithOffers
from services.referral.handlers.claim_places import offer_place
from services.referral.handlers.effect import Effect
from services.referral.ports import BatchContext, Clock, HandOvers, Registry

ToOffer = dict[str, tuple[ReferralWithOffers, PlaceHandedOverV1]]


@dataclass(frozen=True)
class OfferHandedOverPlaces:
    """Makes the offers to children whose waiting is recorded; for the others the event came early.

    An offer opens the child to the center, so capacity is asked, and not the event, who has the place.
    """

    hand_overs: HandOvers
    registry: Registry
    clock: Clock
    working_days: WorkingDays = KAZAKHSTAN

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        early, to_offer = _divide(batch, context)
        if not to_offer:
            return Effect(early=frozenset(early))
        page = await self.hand_overs.look_up_claims(list({one.referral.id for one, _ in to_offer.values()}))
        claims = {one.referral_id: one for one in page.items}
        network, now = await self.registry.network(), self.clock()
        changes: dict[UUID, Change] = {}
        for event_id, (one, data) in to_offer.items():
            if _has_the_place(data, claims.get(one.referral.id), page.data_version):
                changes[one.referral.id] = self._offer(one, data, network, now)
            else:
                early.add(event_id)
        return Effect(list(changes.values()), page.data_version if changes else None, early=frozenset(early))

    def _offer(self, one: ReferralWithOffers, data: PlaceHandedOverV1, network: Network, now: datetime) -> Change:
        """The offer. For a programme that was closed meanwhile, or of whose ages the child is no longer, the child is
        routed anew, which releases the place."""
        programme = network.programmes.get(data.programme_id)
        if programme is None or not programme.accepts_age(one.referral.needs.age_at(now)):
            return return_to_router(one.referral, now)
        return offer_place(
            one.referral, data.programme_id, network, now, command=Command.HAND_OVER, working_days=self.working_days
        )


def _divide(batch: Mapping[str, Payload], context: BatchContext) -> tuple[set[str], ToOffer]:
    """The ids of the events that came early, and those that make an offer; the others have had their effect."""
    early, to_offer = set[str](), ToOffer()
    for event_id, data in batch.items():
        assert isinstance(data, PlaceHandedOverV1)  # noqa: S101  by the table of reactions
        if data.referral_id is None or _is_lost(data, context.data_version):
            continue
        one = context.referrals.get(data.referral_id)
        if one is None or _is_early(one, data):
            early.add(event_id)
        elif one.referral.state is ReferralState.WAITING and one.referral.attempt == data.attempt:
            to_offer[event_id] = one, data
    return early, to_offer


def _is_lost(data: PlaceHandedOverV1, version: DataVersion | None) -> bool:
    """Whether a lost generation handed it over: the child still waits, in the new one."""
    return version is not None and data.epoch != version.epoch


def _has_the_place(data: PlaceHandedOverV1, claim: KeptClaim | None, version: DataVersion) -> bool:
    """Whether capacity's claim, as of this version, says so too. False: one of the two has moved on, as will be seen.

    Raises PermanentError when the claim is another under the same attempt: what was handed over waits no more.
    """
    if claim is None or claim.attempt != data.attempt or version.epoch != data.epoch:
        return False
    if claim.state is ClaimState.HELD and claim.programme_ids == (data.programme_id,):
        return True
    if claim.state not in (ClaimState.HELD, ClaimState.WAITING) or data.sequence > version.sequence:
        return False
    raise PermanentError(f"programme_id: capacity has not handed a place of {data.programme_id[:100]} to this referral")


def _is_early(one: ReferralWithOffers, data: PlaceHandedOverV1) -> bool:
    return one.referral.state not in CLOSED and one.referral.attempt < (data.attempt or 0)
