"""In-memory stand-ins for the handlers' ports. `FakeReferrals` passes the same suite as `SqlReferrals`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.contracts.claims import ClaimAnswer, ClaimRequest, ClaimResult, DataVersion, ProgrammeOpening
from services.contracts.events import PlacesSetV1
from services.contracts.vocabulary import ClaimState, Modality, ReferralState
from services.kit.errors import Conflict, TransientError
from services.referral.domain.keeping import REVIEWED
from services.referral.domain.life import Command
from services.referral.domain.network import Network
from services.referral.domain.programmes import Programme
from services.referral.domain.referral import Change, Referral
from services.referral.domain.routing import Candidate, Decision, in_order
from services.referral.ports import Inboxed, Loaded, Seeker
from tests.unit.referral.samples import NOW


@dataclass
class FakeReferrals:
    """The record in dictionaries."""

    known: dict[UUID, Loaded] = field(default_factory=dict)
    decisions: dict[tuple[UUID, int], Decision] = field(default_factory=dict)
    told: list[Change] = field(default_factory=list)
    inbox: set[tuple[str, str]] = field(default_factory=set)
    mark: DataVersion | None = None
    registry_version: int = 1

    async def look(self, consumer: str, event_ids: Collection[str], referral_ids: Collection[UUID]) -> Inboxed:
        unseen = frozenset(one for one in event_ids if (consumer, one) not in self.inbox)
        return Inboxed(unseen, {one: self.known[one] for one in referral_ids if one in self.known}, self.mark)

    async def load(self, referral_id: UUID) -> Loaded | None:
        return self.known.get(referral_id)

    async def save(
        self,
        changes: Sequence[Change],
        *,
        consumer: str = "",
        event_ids: Collection[str] = (),
        mark: DataVersion | None = None,
        registry_version: int = 0,
    ) -> None:
        by_network = any(change.step.command in (Command.WAIT, Command.SET_ASIDE) for change in changes)
        if by_network and registry_version != self.registry_version:
            raise Conflict("the registry has moved on")
        if any((consumer, one) in self.inbox for one in event_ids) or not self._hold(changes):
            raise Conflict("another transaction was first")
        if mark and self.mark and mark.epoch != self.mark.epoch:
            raise Conflict("capacity has been rebuilt")
        self.inbox |= {(consumer, one) for one in event_ids}
        for change in changes:
            self._save(change)
        if mark and (self.mark is None or (self.mark.epoch == mark.epoch and self.mark.sequence < mark.sequence)):
            self.mark = mark

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
        self.known[one.id] = Loaded(one, (*offers, change.offer) if change.offer else offers)
        if change.decision:
            self.decisions[one.id, one.attempt] = change.decision
        self.told.append(change)

    async def seeking(self, programmes: Collection[Programme]) -> Sequence[Seeker]:
        modalities = {one.modality for one in programmes}
        seeking = [one for one in self.known.values() if one.referral.state in REVIEWED]
        return [_seeker(one) for one in seeking if modalities & one.referral.needs.modalities]

    def _waiting(self) -> list[Referral]:
        return [one.referral for one in self.known.values() if one.referral.state is ReferralState.WAITING]

    async def waiting_for(self, programme_id: str) -> frozenset[UUID]:
        named = {one.id: self.decisions[one.id, one.attempt].candidates for one in self._waiting()}
        return frozenset(id for id, all in named.items() if programme_id in {one.programme_id for one in all})

    async def look_now(self, referral_ids: Collection[UUID], now: datetime) -> None:
        for one in referral_ids:
            known = self.known[one]
            self.known[one] = replace(known, referral=replace(known.referral, due_at=now))

    async def join_queues(self, joining: Mapping[UUID, Sequence[Candidate]]) -> None:
        for one in self._waiting():
            for candidate in joining.get(one.id, ()):
                key = one.id, one.attempt
                self.decisions[key] = _joined(self.decisions[key], candidate)


def _seeker(loaded: Loaded) -> Seeker:
    one = loaded.referral
    return Seeker(one.id, one.attempt, one.rank, one.state is ReferralState.WAITING, one.needs, loaded.passed)


def _joined(decision: Decision, candidate: Candidate) -> Decision:
    if any(one.programme_id == candidate.programme_id for one in decision.candidates):
        return decision
    joined = sorted((*decision.candidates, candidate), key=in_order)
    return replace(decision, candidates=tuple(joined))


@dataclass
class FakeClaims:
    """Places and queues without hand-overs: what the handlers ask for, and what they are answered."""

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
            return had.model_copy(update={"repeated": True})
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

    async def release(self, referral_id: UUID, attempt: int, seen: DataVersion | None) -> DataVersion | None:
        self._give_back(referral_id)
        self.has[referral_id] = ClaimResult(referral_id=referral_id, attempt=attempt, state=ClaimState.NONE)
        return self._step()

    def _give_back(self, referral_id: UUID) -> None:
        had = self.has.get(referral_id)
        if had and had.state is ClaimState.HELD and had.programme_id:
            self.places[had.programme_id] += 1
        for queue in self.queues.values():
            if referral_id in queue:
                queue.remove(referral_id)

    async def occupy(self, referral_id: UUID, attempt: int, seen: DataVersion | None) -> ClaimAnswer:
        had = self.has.get(referral_id)
        if had and had.attempt == attempt and had.state is ClaimState.HELD:
            self.has[referral_id] = had.model_copy(update={"state": ClaimState.OCCUPIED})
        none = ClaimResult(referral_id=referral_id, attempt=0, state=ClaimState.NONE)
        return ClaimAnswer(**self.has.get(referral_id, none).model_dump(), mark=self._step())

    async def open_programme(self, opening: ProgrammeOpening) -> None:
        self._step()
        self.opened.append(opening)
        for one in opening.waiting:
            queue = self.queues.setdefault(opening.programme_id, [])
            if one.referral_id not in queue:
                queue.append(one.referral_id)

    def _step(self) -> DataVersion:
        if self.down:
            raise TransientError("capacity is down")
        self.calls += 1
        self.sequence += 1
        return DataVersion(epoch="1", sequence=self.sequence)


@dataclass
class FakeRegistry:
    """A registry that is set, not asked."""

    now: Network
    figures: dict[str, PlacesSetV1] = field(default_factory=dict)

    async def network(self) -> Network:
        return self.now

    async def openings(self, programme_ids: Collection[str]) -> Sequence[ProgrammeOpening]:
        return [
            ProgrammeOpening(
                programme_id=one.id,
                center_id=one.center_id,
                region_id=one.region_id,
                modality=Modality(one.modality),
                places=one.places,
                suspended=one.suspended,
                confirmed_at=NOW,
            )
            for one in self.now.programmes.values()
            if one.id in programme_ids
        ]

    async def set_figures(self, consumer: str, figures: Mapping[str, PlacesSetV1]) -> None:
        self.figures |= figures
