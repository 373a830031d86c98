"""The handlers over fakes, as the worker wires them."""

from dataclasses import dataclass, field
from uuid import UUID

from services.contracts.events import Event, PlaceHandedOverV1
from services.contracts.vocabulary import ClaimState, Modality, ReferralState
from services.kit.http.auth import Principal
from services.referral.domain.life import Command
from services.referral.domain.programmes import Programme
from services.referral.handlers.act import ActOnReferral, Details
from services.referral.handlers.apply_figures import ApplyFigures
from services.referral.handlers.claim_places import ClaimPlaces
from services.referral.handlers.correct_referrals import CorrectReferrals
from services.referral.handlers.occupy_places import OccupyPlaces
from services.referral.handlers.offer_handed_over_places import OfferHandedOverPlaces
from services.referral.handlers.open_center import OpenCenter
from services.referral.handlers.reactions import Reactions
from services.referral.handlers.release_places import ReleasePlaces
from services.referral.handlers.reroute_referrals import RerouteReferrals
from services.referral.handlers.route_new_referrals import RouteNewReferrals
from services.referral.handlers.verify_events import VerifyEvents
from tests.unit.referral.fakes import FakeClaims, FakeIntake, FakeReferrals, FakeRegistry
from tests.unit.referral.samples import NOW, event, network, programme

NEAR = programme("near", settlement_id="home")
FAR = programme("far")


@dataclass
class Country:
    """The handlers over one set of fakes; `places` at the programmes of that name."""

    referrals: FakeReferrals = field(default_factory=FakeReferrals)
    claims: FakeClaims = field(default_factory=FakeClaims)
    intake: FakeIntake = field(default_factory=FakeIntake)
    registry: FakeRegistry = field(default_factory=lambda: FakeRegistry(network([NEAR, FAR])))

    def __post_init__(self) -> None:
        referrals, claims, registry = self.referrals, self.claims, self.registry
        places = ClaimPlaces(claims, registry)
        self.reactions = Reactions(
            referrals,
            verify=VerifyEvents(self.intake),
            route_new_referrals=RouteNewReferrals(places, registry, lambda: NOW),
            correct_referrals=CorrectReferrals(referrals, registry, lambda: NOW),
            reroute_referrals=RerouteReferrals(places, registry, lambda: NOW),
            occupy_places=OccupyPlaces(claims),
            release_places=ReleasePlaces(claims),
            open_center=OpenCenter(referrals, referrals, claims, referrals, registry, lambda: NOW),
            apply_figures=ApplyFigures(registry, claims),
            offer_handed_over_places=OfferHandedOverPlaces(claims, registry, lambda: NOW),
        )
        self.act = ActOnReferral(self.referrals, self.registry, lambda: NOW)

    async def take(self, events: list[Event]) -> frozenset[str]:
        """The worker handles these in one batch; the ids of those that came early. Intake's are its own."""
        self.intake.publish(events)
        return await self.take_forged(events)

    async def take_forged(self, events: list[Event]) -> frozenset[str]:
        """As `take`, of events that intake has not published."""
        return frozenset(await self.reactions("worker", events))

    def hand_over(self, number: int, programme_id: str = "near") -> Event:
        """Capacity hands a place over to child `number`; the event of it."""
        self.claims.hand_over(UUID(int=number), programme_id)
        return handed_over(number, programme_id)

    def registered(self, *programmes: Programme) -> None:
        """The registry as it is from now on."""
        self.referrals.registry_version += 1
        self.registry.now = network(programmes, version=self.referrals.registry_version)

    async def decline(self, number: int = 1) -> Event:
        """The center declines child `number`; the event of it."""
        admin = Principal("a", frozenset({"admin"}), "")
        await self.act(UUID(int=number), Command.DECLINE, admin, Details("other"))
        return event(self.referrals.saved[-1].event)

    def state(self, number: int = 1) -> ReferralState:
        return self.referrals.known[UUID(int=number)].referral.state

    def claim(self, number: int = 1) -> tuple[ClaimState, str | None]:
        has = self.claims.has[UUID(int=number)]
        return has.state, has.programme_id


def handed_over(number: int, programme_id: str = "near", attempt: int = 1, sequence: int = 1) -> Event:
    return event(
        PlaceHandedOverV1(
            programme_id=programme_id, center_id=f"center-{programme_id}", region_id="KZ-10",
            modality=Modality.DAY_STAY,
            places=1, held=1, occupied=0, waiting=0, referral_id=UUID(int=number), attempt=attempt,
            epoch="1", sequence=sequence,
        )
    )  # fmt: skip
