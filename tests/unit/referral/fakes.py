"""In-memory twins of the handlers' ports. `FakeReferrals` passes the same suite as `SqlReferrals`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.contracts import topics
from services.contracts.claims import ClaimChange, ClaimRequest, ClaimResult, DataVersion, ProgrammeOpening
from services.contracts.events import Event, Payload
from services.contracts.rebuild import ClaimsPage, KeptClaim
from services.contracts.vocabulary import ClaimState, Modality, ReferralState
from services.kit.errors import Conflict, TransientError
from services.referral.domain.deadline_steps import REVIEWED
from services.referral.domain.life import Command
from services.referral.domain.network import Network
from services.referral.domain.programmes import Programme
from services.referral.domain.referral import Change, Referral, ReferralWithOffers
from services.referral.domain.routing import Decision
from services.referral.ports import BatchContext, UnplacedReferral


@dataclass
class FakeReferrals:
    """The record in dictionaries, with its queues and deadlines."""

    known: dict[UUID, ReferralWithOffers] = field(default_factory=dict)
    decisions: dict[tuple[UUID, int], Decision] = field(default_factory=dict)
    queues: dict[tuple[UUID, int], set[str]] = field(default_factory=dict)
    saved: list[Change] = field(default_factory=list)
    inbox: set[tuple[str, str]] = field(default_factory=set)
    data_version: DataVersion | None = None
    registry_version: int = 1

    async def load_batch(
        self, consumer: str, event_ids: Collection[str], referral_ids: Collection[UUID]
    ) -> BatchContext:
        unseen = frozenset(one for one in event_ids if (consumer, one) not in self.inbox)
        known = {one: self.known[one] for one in referral_ids if one in self.known}
        return BatchContext(unseen, known, self.data_version)

    async def load(self, referral_id: UUID) -> ReferralWithOffers | None:
        return self.known.get(referral_id)

    async def save(
        self,
        changes: Sequence[Change],
        *,
        consumer: str = "",
        event_ids: Collection[str] = (),
        data_version: DataVersion | None = None,
        registry_version: int = 0,
    ) -> None:
        by_network = any(change.entry.command in (Command.WAIT, Command.SET_ASIDE) for change in changes)
        if by_network and registry_version != self.registry_version:
            raise Conflict("the registry has moved on")
        if any((consumer, one) in self.inbox for one in event_ids) or not self._hold(changes):
            raise Conflict("another transaction was first")
        known = self.data_version
        if data_version and known and data_version.epoch != known.epoch:
            raise Conflict("capacity has been rebuilt")
        self.inbox |= {(consumer, one) for one in event_ids}
        for change in changes:
            self._save(change)
        if data_version and (known is None or known.sequence < data_version.sequence):
            self.data_version = data_version

    def _hold(self, changes: Sequence[Change]) -> bool:
        versions = {id: known.referral.version for id, known in self.known.items()}
        for change in changes:
            if versions.get(change.referral.id, 0) != change.expected:
                return False
            versions[change.referral.id] = change.referral.version
        return True

    def _save(self, change: Change) -> None:
        one = change.referral
        before = self.known[one.id].offers if one.id in self.known else ()
        offers = tuple(offer for offer in before if not change.offer or offer.attempt != change.offer.attempt)
        self.known[one.id] = ReferralWithOffers(one, (*offers, change.offer) if change.offer else offers)
        if change.decision:
            self.decisions[one.id, one.attempt] = change.decision
        if change.queues:
            self.queues[one.id, one.attempt] = set(change.queues)
        self.saved.append(change)

    async def unplaced(self, programmes: Collection[Programme], now: datetime) -> Sequence[UnplacedReferral]:
        modalities = {one.modality for one in programmes}
        unplaced = [one for one in self.known.values() if one.referral.state in REVIEWED]
        return [_unplaced(one, now) for one in unplaced if modalities & one.referral.needs.modalities]

    def _waiting(self) -> list[Referral]:
        return [one.referral for one in self.known.values() if one.referral.state is ReferralState.WAITING]

    async def waiting_for(self, programme_id: str) -> frozenset[UUID]:
        found = {one.id: self.queues.get((one.id, one.attempt), set()) for one in self._waiting()}
        return frozenset(id for id, programmes in found.items() if programme_id in programmes)

    async def entries(self, referral_ids: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
        found = {one.id: self.queues.get((one.id, one.attempt), set()) for one in self._waiting()}
        return {id: frozenset(programmes) for id, programmes in found.items() if programmes and id in referral_ids}

    async def join(self, programme_id: str, joining: Mapping[UUID, int], now: datetime) -> None:
        for one in self._waiting():
            if joining.get(one.id) == one.attempt:
                self.queues.setdefault((one.id, one.attempt), set()).add(programme_id)

    async def due(self, now: datetime, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[ReferralWithOffers]:
        found = [one for one in self.known.values() if one.referral.due_at and one.referral.due_at <= now]
        in_order = sorted(found, key=lambda one: (str(one.referral.due_at), one.referral.id))
        return [one for one in in_order if after is None or (one.referral.due_at, one.referral.id) > after][:limit]

    async def review_now(self, referral_ids: Collection[UUID], now: datetime) -> None:
        for one in referral_ids:
            known = self.known[one]
            self.known[one] = replace(known, referral=replace(known.referral, due_at=now))

    async def put_off(self, moves: Mapping[UUID, tuple[datetime, datetime]]) -> None:
        for id, (then, later) in moves.items():
            known = self.known[id]
            if known.referral.due_at == then:
                self.known[id] = replace(known, referral=replace(known.referral, due_at=later))


def _unplaced(loaded: ReferralWithOffers, now: datetime) -> UnplacedReferral:
    one = loaded.referral
    waits = one.state is ReferralState.WAITING
    return UnplacedReferral(one.id, one.attempt, one.rank, waits, one.needs, loaded.excluded_ids(now))


@dataclass
class FakeClaims:
    """Places and queues without hand-overs: what the handlers claim, and their answers."""

    places: dict[str, int] = field(default_factory=dict)
    has: dict[UUID, ClaimResult] = field(default_factory=dict)
    queues: dict[str, list[UUID]] = field(default_factory=dict)
    opened: list[ProgrammeOpening] = field(default_factory=list)
    calls: int = 0
    sequence: int = 0
    down: bool = False

    async def claim(
        self, requests: Sequence[ClaimRequest], seen: DataVersion | None
    ) -> tuple[Sequence[ClaimResult], DataVersion]:
        return [self._claim(one) for one in requests], self._step()

    def _claim(self, request: ClaimRequest) -> ClaimResult:
        had = self.has.get(request.referral_id)
        if had and had.attempt > request.attempt:
            return had.model_copy(update={"state": ClaimState.STALE, "programme_id": None})
        if had and had.attempt == request.attempt:
            waits = had.state is ClaimState.WAITING
            queues = tuple(name for name, all in self.queues.items() if waits and had.referral_id in all)
            return had.model_copy(update={"repeated": True, "queues": queues})
        self._give_back(request.referral_id)
        ids = [one for tier in request.candidates for one in tier]
        free = {one: self.places.get(one, 0) for one in ids}
        held = next((one for one in ids if free[one]), None)
        if held:
            self.places[held] -= 1
        else:
            for one in ids:
                self.queues.setdefault(one, []).append(request.referral_id)
        self.has[request.referral_id] = ClaimResult(
            referral_id=request.referral_id,
            attempt=request.attempt,
            state=ClaimState.HELD if held else ClaimState.WAITING,
            programme_id=held,
            free=free,
        )
        return self.has[request.referral_id]

    async def release(self, changes: Sequence[ClaimChange], seen: DataVersion | None) -> DataVersion:
        for one in changes:
            self._give_back(one.referral_id)
            self.has[one.referral_id] = ClaimResult(
                referral_id=one.referral_id, attempt=one.attempt, state=ClaimState.NONE
            )
        return self._step()

    def _give_back(self, referral_id: UUID) -> None:
        had = self.has.get(referral_id)
        if had and had.state is ClaimState.HELD and had.programme_id:
            self.places[had.programme_id] += 1
        for queue in self.queues.values():
            if referral_id in queue:
                queue.remove(referral_id)

    async def occupy(self, changes: Sequence[ClaimChange], seen: DataVersion | None) -> DataVersion:
        for one in changes:
            had = self.has.get(one.referral_id)
            if had and had.attempt == one.attempt and had.state is ClaimState.HELD:
                self.has[one.referral_id] = had.model_copy(update={"state": ClaimState.OCCUPIED})
        return self._step()

    async def open_programme(self, opening: ProgrammeOpening) -> None:
        self._step()
        self.opened.append(opening)
        for one in opening.waiting:
            queue = self.queues.setdefault(opening.programme_id, [])
            if one.referral_id not in queue:
                queue.append(one.referral_id)

    async def look_up_claims(self, referral_ids: Sequence[UUID]) -> ClaimsPage:
        found = [
            self.has.get(one, ClaimResult(referral_id=one, attempt=0, state=ClaimState.NONE)) for one in referral_ids
        ]
        items = [
            KeptClaim(
                referral_id=one.referral_id, attempt=one.attempt, state=one.state,
                programme_ids=(one.programme_id,) if one.programme_id else (),
            )
            for one in found
        ]  # fmt: skip
        return ClaimsPage(items=items, data_version=self._step())

    def hand_over(self, referral_id: UUID, programme_id: str) -> None:
        """A place that was released goes to who waits for it."""
        self._give_back(referral_id)
        held = {"state": ClaimState.HELD, "programme_id": programme_id}
        self.has[referral_id] = self.has[referral_id].model_copy(update=held)

    def _step(self) -> DataVersion:
        if self.down:
            raise TransientError("capacity is down")
        self.calls += 1
        self.sequence += 1
        return DataVersion(epoch="1", sequence=self.sequence)


@dataclass
class FakeIntake:
    """Intake with the events that a test has it publish."""

    known: dict[str, Payload] = field(default_factory=dict)
    down: bool = False

    def publish(self, events: Iterable[Event]) -> None:
        """Those of other services are none of its own."""
        self.known |= {one.envelope.id: one.data for one in events if topics.DIAGNOSES in one.data.TOPICS}

    async def published(self, event_ids: Collection[str]) -> Mapping[str, Payload]:
        if self.down:
            raise TransientError("intake is down")
        return {id: self.known[id] for id in event_ids if id in self.known}


@dataclass
class FakeRegistry:
    """A registry with the network that a test gives it."""

    now: Network
    opened: dict[str, int] = field(default_factory=dict)

    async def network(self) -> Network:
        return self.now

    async def mark_opened(self, versions: Mapping[str, int]) -> None:
        self.opened |= versions

    async def openings(
        self, *, center_ids: Collection[str] = (), programme_ids: Collection[str] = ()
    ) -> Sequence[ProgrammeOpening]:
        wanted = [one for one in self.now.programmes.values() if one.id in programme_ids or one.center_id in center_ids]
        return [
            ProgrammeOpening(
                programme_id=one.id,
                center_id=one.center_id,
                region_id=one.region_id,
                modality=Modality(one.modality),
                places=figure.places if (figure := self.now.figures.get(one.id)) else 0,
                suspended=bool(figure and figure.suspended),
                confirmed_at=figure.confirmed_at if figure else None,
                version=figure.version if figure else 0,
            )
            for one in wanted
        ]
