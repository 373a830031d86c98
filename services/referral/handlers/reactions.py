"""What an event triggers in the worker: one table, and one transaction a batch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.contracts import events
from services.contracts.events import Event, Payload, ReferralEvent
from services.kit.errors import PermanentError
from services.referral.handlers.apply_figures import ApplyFigures
from services.referral.handlers.correct_referrals import CorrectReferrals
from services.referral.handlers.effect import Handler, newest
from services.referral.handlers.occupy_places import OccupyPlaces
from services.referral.handlers.offer_handed_over_places import OfferHandedOverPlaces
from services.referral.handlers.open_center import OpenCenter
from services.referral.handlers.release_places import ReleasePlaces
from services.referral.handlers.reroute_referrals import RerouteReferrals
from services.referral.handlers.route_new_referrals import RouteNewReferrals
from services.referral.handlers.verify_events import VerifyEvents
from services.referral.ports import BatchContext, Referrals


@dataclass(frozen=True)
class Reactions:
    """The worker's handlers. `table` shows which event goes where."""

    referrals: Referrals
    verify: VerifyEvents
    route_new_referrals: RouteNewReferrals
    correct_referrals: CorrectReferrals
    reroute_referrals: RerouteReferrals
    occupy_places: OccupyPlaces
    release_places: ReleasePlaces
    open_center: OpenCenter
    apply_figures: ApplyFigures
    offer_handed_over_places: OfferHandedOverPlaces

    @property
    def table(self) -> Mapping[type[Payload], Handler]:
        """Event to handler. In a batch the handlers run in this order."""
        return {
            events.DiagnosisRecordedV1: self.route_new_referrals,
            events.DiagnosisCorrectedV1: self.correct_referrals,
            events.ChildrenJoinedV1: self.correct_referrals,
            events.ConsentWithdrawnV1: self.correct_referrals,
            events.OfferDeclinedV1: self.reroute_referrals,
            events.OfferExpiredV1: self.reroute_referrals,
            events.ReferralResubmittedV1: self.reroute_referrals,
            events.ReferralAdmittedV1: self.occupy_places,
            events.ReferralNoShowV1: self.release_places,
            events.ReferralCompletedV1: self.release_places,
            events.ReferralCancelledV1: self.release_places,
            events.CenterRegisteredV1: self.open_center,
            events.FigureSetV1: self.apply_figures,
            events.PlaceHandedOverV1: self.offer_handed_over_places,
        }

    async def __call__(self, consumer: str, batch: Sequence[Event]) -> Collection[str]:
        """Handle a batch in one transaction; the ids of the events that came early."""
        table = self.table
        wanted: dict[str, Event] = {}
        for one in batch:
            if type(one.data) in table:
                wanted.setdefault(one.envelope.id, one)  # as between batches: the first one has the effect
        if not wanted:
            return ()
        found = _referrals([one.data for one in wanted.values()])
        context = await self.referrals.load_batch(consumer, wanted.keys(), found)
        unseen = {id: event for id, event in wanted.items() if id in context.unseen}
        for event in unseen.values():
            _require_of_the_record(event.data, context)
        await self.verify(unseen)
        new = {id: event.data for id, event in unseen.items()}
        effects = []
        for handler in {id(one): one for one in table.values()}.values():
            theirs = {id: data for id, data in new.items() if table[type(data)] is handler}
            if theirs:
                effects.append(await handler(theirs, context))
        early = frozenset[str]().union(*(one.early for one in effects))
        await self.referrals.save(
            [change for one in effects for change in one.changes],
            consumer=consumer,
            event_ids=context.unseen - early,
            data_version=newest([one.data_version for one in effects]),
            registry_version=max((one.registry_version for one in effects), default=0),
        )
        return early


def _require_of_the_record(data: Payload, context: BatchContext) -> None:
    """The record is committed with its events, so it is at least where each of them left it: others are not its own."""
    if not isinstance(data, ReferralEvent):
        return
    one = context.referrals.get(data.referral_id)
    if one is None:
        raise PermanentError(f"referral_id: no referral {data.referral_id}")
    if data.version > one.referral.version or data.attempt > one.referral.attempt:
        known = f"version {one.referral.version}, attempt {one.referral.attempt}"
        raise PermanentError(f"version {data.version}, attempt {data.attempt}: the record is at {known}")


def _referrals(batch: Collection[Payload]) -> set[UUID]:
    names = ("referral_id", "ended_referral_id")
    return {id for data in batch for name in names if (id := getattr(data, name, None))}
