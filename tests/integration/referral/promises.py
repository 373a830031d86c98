"""What must hold: of the record at any moment, of capacity while it serves, and of both once all has settled."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.contracts.events import CapacityEvent, PlaceHandedOverV1, PlaceHeldV1, ReferralEvent
from services.contracts.vocabulary import CLOSED, OfferState, ReferralState
from tests.integration.capacity.queues import Queues
from tests.integration.referral.both_sides import Claim, Kept, Recorded
from tests.integration.referral.overtaking import looked_at_again

S, O = ReferralState, OfferState
HELD = {S.OFFERED: {"held"}, S.ACCEPTED: {"held"}, S.ADMITTED: {"held", "occupied"}}
SETTLED = {S.OFFERED: "held", S.ACCEPTED: "held", S.ADMITTED: "occupied", S.WAITING: "waiting"}
OPEN_OFFER = {
    S.OFFERED: {O.MADE, O.SEEN}, S.ACCEPTED: {O.ACCEPTED}, S.ADMITTED: {O.ACCEPTED}, S.COMPLETED: {O.ACCEPTED},
}  # fmt: skip
Record = Mapping[int, Recorded]


def check_record(record: Record) -> None:
    """One open offer per referral, an owner and a deadline for each that is open, a history without gaps."""
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
            assert row.due_at, f"nobody will look at {one.number}"
        _check_history(one)


def _check_history(one: Recorded) -> None:
    assert [step.version for step in one.history] == list(range(1, one.row.version + 1)), f"{one.number} has gaps"
    states = [S.SUBMITTED, *(S(step.to_state) for step in one.history)]
    assert [S(step.from_state) for step in one.history] == states[:-1], f"{one.number} jumped: {states}"
    assert states[-1] is one.state
    attempts = [offer.attempt for offer in one.offers]
    assert attempts == sorted(set(attempts))
    assert max(attempts, default=0) <= one.row.attempt


@dataclass
class Stories:
    """Each referral as its events alone tell it."""

    told: dict[int, tuple[int, ReferralState, int, str | None, str | None]] = field(default_factory=dict)

    def read(self, events: Iterable[object]) -> None:
        for one in events:
            if isinstance(one, ReferralEvent):
                number = one.referral_id.int
                before = self.told[number][0] if number in self.told else 0
                assert one.version == before + 1, f"{number}: version {one.version} came after {before}"
                place = (one.center_id, one.programme_id) if one.state in OPEN_OFFER else (None, None)
                self.told[number] = (one.version, one.state, one.attempt, *place)

    def check(self, record: Record) -> None:
        """They fold to what the tables say."""
        tables = {
            number: (one.row.version, one.state, one.row.attempt, one.row.center_id, one.row.programme_id)
            for number, one in record.items()
        }
        assert self.told == tables


@dataclass
class Turns:
    """The queues by capacity's stream alone; a new generation begins with those whom the record lets wait."""

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
        if one.state is S.WAITING or looked_at_again(one):
            for name in one.candidates:
                queues.at(name).add((one.row.rank, one.row.id))
    return queues


def check_kept(kept: Kept, turns: Turns) -> None:
    """Places are conserved, and none is free while somebody stands in its queue."""
    counts = Counter((name, one.state) for one in kept.claims.values() for name in one.programmes)
    for name, one in kept.figures.items():
        assert (one.held, one.occupied) == (counts[name, "held"], counts[name, "occupied"]), f"{name} counts {one}"
        assert not (one.free and kept.queues[name]), f"{name} has {one.free} free while {kept.queues[name]} wait"
    for name, queue in kept.queues.items():
        stand = {(one.rank, number) for number, one in kept.claims.items() if one.stands_at(name)}
        assert set(queue) == stand, f"{name}: {queue} stand, {stand} wait"
        if turns.epoch == kept.epoch:
            told = {(rank, int(who.replace("-", ""), 16)) for rank, who in turns.queues.at(name)}
            assert set(queue) == told, f"{name}: {queue} stand, {told} by its story"


def check_kept_for(kept: Kept, record: Record) -> None:
    """Nobody loses a place or a turn: what the record says that a child has is kept for it."""
    for one in record.values():
        claim = kept.claims.get(one.number, Claim(0, "none"))
        if one.state in HELD:
            found = (claim.attempt, claim.programmes)
            assert claim.state in HELD[one.state], f"{one.number} is {one.state}, its claim {claim}"
            assert found == (one.row.attempt, (one.row.programme_id,)), f"{one.number} is {one.row}, its claim {claim}"
        elif one.state is S.WAITING:
            assert claim.state in ("waiting", "held"), f"{one.number} waits, its claim is {claim}"
            assert claim.attempt == one.row.attempt, f"{one.number} waits, its claim is {claim}"


def check_settled(kept: Kept, record: Record, accepting: Mapping[int, set[str]]) -> None:
    """Both sides tell one story; each who waits stands in every queue where it may, and nowhere else.

    `accepting`: by referral without a center, the programmes that accept it, by an oracle of its own.
    """
    assert not [one.number for one in record.values() if one.state is S.SUBMITTED]
    for number, one in record.items():
        claim = kept.claims.get(number, Claim(0, "none"))
        assert claim.state == SETTLED.get(one.state, "none"), f"{number} is {one.state}, its claim {claim}"
        if one.state is S.UNPLACEABLE:
            assert not accepting[number], f"{number} is set aside, and welcome at {accepting[number]}"
        if one.state is S.WAITING:
            stands = {name for name, queue in kept.queues.items() if (one.row.rank, number) in queue}
            assert stands == set(one.candidates), f"{number} stands at {stands}, decided {one.candidates}"
            assert stands == accepting[number], f"{number} stands at {stands}, accepted at {accepting[number]}"
            free = [name for name in accepting[number] if kept.figures[name].free]
            assert not free, f"{number} waits beside free places of {free}"
    unknown = {number for number, claim in kept.claims.items() if claim.state != "none"} - record.keys()
    assert not unknown, f"capacity keeps places for {unknown}, whom nobody knows"
