"""Invariants: of the record at any moment, of capacity while it serves, and of both once nothing is under way."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.contracts.events import CapacityEvent, PlaceHandedOverV1, PlaceHeldV1, ReferralEvent
from services.contracts.vocabulary import CLOSED, OfferState, ReferralState
from tests.integration.capacity.queues import Queues
from tests.integration.referral.snapshots import CapacitySnapshot, Claim, RecordedReferral

S, O = ReferralState, OfferState
HAS_A_PLACE = {S.OFFERED: {"held"}, S.ACCEPTED: {"held"}, S.ADMITTED: {"held", "occupied"}}
SETTLED = {S.OFFERED: "held", S.ACCEPTED: "held", S.ADMITTED: "occupied", S.WAITING: "waiting"}
OPEN_OFFER = {
    S.OFFERED: {O.MADE, O.SEEN}, S.ACCEPTED: {O.ACCEPTED}, S.ADMITTED: {O.ACCEPTED}, S.COMPLETED: {O.ACCEPTED},
}  # fmt: skip
Record = Mapping[int, RecordedReferral]


def check_record(record: Record) -> None:
    """One open offer a referral, an owner and a deadline for each open one, a history without gaps."""
    for one in record.values():
        row, state = one.row, one.state
        still = [offer for offer in one.offers if offer.state in (O.MADE, O.SEEN, O.ACCEPTED)]
        assert len(still) == (state in OPEN_OFFER), f"{one.number} is {state} with {len(still)} open offers"
        for offer in still:
            assert offer.state in OPEN_OFFER[state], f"{one.number} is {state}, its offer {offer.state}"
            where = (offer.attempt, offer.center_id, offer.programme_id)
            assert where == (row.attempt, row.center_id, row.programme_id), f"{one.number} is elsewhere: {where}"
        assert (state in OPEN_OFFER) == (row.center_id is not None) == (row.programme_id is not None), one
        if state not in CLOSED:
            assert row.deadline_at, f"{one.number} has no deadline"
            assert row.due_at, f"{one.number} is never due"
        assert bool(one.queues) or state is not S.WAITING, f"{one.number} waits in no queue"
        _check_history(one)


def _check_history(one: RecordedReferral) -> None:
    assert [entry.version for entry in one.history] == list(range(1, one.row.version + 1)), f"{one.number} has gaps"
    states = [S.SUBMITTED, *(S(entry.to_state) for entry in one.history)]
    assert [S(entry.from_state) for entry in one.history] == states[:-1], f"{one.number} jumped: {states}"
    assert states[-1] is one.state
    attempts = [offer.attempt for offer in one.offers]
    assert attempts == sorted(set(attempts))
    assert max(attempts, default=0) <= one.row.attempt


@dataclass
class EventFold:
    """Each referral by its events alone: version, state, attempt, center and programme."""

    referrals: dict[int, tuple[int, ReferralState, int, str | None, str | None]] = field(default_factory=dict)

    def read(self, events: Iterable[object]) -> None:
        for one in events:
            if isinstance(one, ReferralEvent):
                number = one.referral_id.int
                before = self.referrals[number][0] if number in self.referrals else 0
                assert one.version == before + 1, f"{number}: version {one.version} came after {before}"
                place = (one.center_id, one.programme_id) if one.state in OPEN_OFFER else (None, None)
                self.referrals[number] = (one.version, one.state, one.attempt, *place)

    def check(self, record: Record) -> None:
        """The fold equals the tables."""
        tables = {
            number: (one.row.version, one.state, one.row.attempt, one.row.center_id, one.row.programme_id)
            for number, one in record.items()
        }
        assert self.referrals == tables


@dataclass
class QueueFold:
    """The queues by capacity's events alone; a new generation begins with those who wait by the record."""

    queues: Queues = field(default_factory=Queues)
    epoch: str | None = None

    def read(self, events: Iterable[object], record: Record) -> None:
        """Nobody is overtaken, and no place given that is not there."""
        for one in events:
            epoch = one.epoch  # type: ignore[attr-defined]
            if epoch != self.epoch:
                self.epoch, self.queues = epoch, _queues_of(record)
            self.queues.read(one)  # type: ignore[arg-type]
            if isinstance(one, PlaceHandedOverV1) or (isinstance(one, PlaceHeldV1) and not one.kept):
                assert one.held + one.occupied <= one.places, f"given beyond its places: {one}"
            assert not isinstance(one, CapacityEvent) or min(one.held, one.occupied, one.waiting) >= 0


def _queues_of(record: Record) -> Queues:
    queues = Queues()
    for one in record.values():
        if one.state is S.WAITING or one.is_reviewed:
            for name in one.queues:
                queues.at(name).add((one.row.rank, one.row.id))
    return queues


def check_capacity(capacity: CapacitySnapshot, fold: QueueFold) -> None:
    """Places are conserved, and none is free while somebody waits in its queue."""
    counts = Counter((name, one.state) for one in capacity.claims.values() for name in one.programmes)
    for name, one in capacity.figures.items():
        assert (one.held, one.occupied) == (counts[name, "held"], counts[name, "occupied"]), f"{name} counts {one}"
        queue = capacity.queues[name]
        assert not (one.free and queue), f"{name} has {one.free} free while {queue} wait"
    for name, queue in capacity.queues.items():
        waiting = {(one.rank, number) for number, one in capacity.claims.items() if one.waits_for(name)}
        assert set(queue) == waiting, f"{name}: its queue is {queue}, by the claims {waiting}"
        if fold.epoch == capacity.epoch:
            by_events = {(rank, int(id.replace("-", ""), 16)) for rank, id in fold.queues.at(name)}
            assert set(queue) == by_events, f"{name}: its queue is {queue}, by its events {by_events}"


def check_claims_kept(capacity: CapacitySnapshot, record: Record, *, opening: bool) -> None:
    """Nobody loses a place or a queue position that the record has.

    `opening`: a center's entry is under way; who waits since it was read may not be in capacity yet.
    """
    for one in record.values():
        claim = capacity.claims.get(one.number, Claim(0, "none"))
        if one.state in HAS_A_PLACE:
            found = (claim.attempt, claim.programmes)
            assert claim.state in HAS_A_PLACE[one.state], f"{one.number} is {one.state}, its claim {claim}"
            assert found == (one.row.attempt, (one.row.programme_id,)), f"{one.number} is {one.row}, its claim {claim}"
        elif one.state is S.WAITING:
            if opening and claim.state == "none" and claim.attempt < one.row.attempt:
                continue
            assert claim.state in ("waiting", "held"), f"{one.number} waits, its claim is {claim}"
            assert claim.attempt == one.row.attempt, f"{one.number} waits, its claim is {claim}"


def check_settled(capacity: CapacitySnapshot, record: Record, accepting: Mapping[int, set[str]]) -> None:
    """Record and capacity agree; a waiting child stands in the queue of each programme that accepts it, and no other.

    `accepting`: by referral without a center, the programmes that accept it, by an oracle of its own.
    """
    assert not [one.number for one in record.values() if one.state is S.SUBMITTED]
    for number, one in record.items():
        claim = capacity.claims.get(number, Claim(0, "none"))
        assert claim.state == SETTLED.get(one.state, "none"), f"{number} is {one.state}, its claim {claim}"
        if one.state is S.UNPLACEABLE:
            assert not accepting[number], f"{number} is unplaceable, and accepted by {accepting[number]}"
        if one.state is S.WAITING:
            queues = {name for name, queue in capacity.queues.items() if (one.row.rank, number) in queue}
            assert queues == set(one.queues), f"{number} is in the queues {queues}, by the record {one.queues}"
            assert queues == accepting[number], f"{number} is in the queues {queues}, accepted by {accepting[number]}"
            free = [name for name in accepting[number] if capacity.figures[name].free]
            assert not free, f"{number} waits beside free places of {free}"
    unknown = {number for number, claim in capacity.claims.items() if claim.state != "none"} - record.keys()
    assert not unknown, f"capacity has claims of {unknown}, who are not in the record"
