"""Whether anybody was overtaken, or a place given twice: capacity's steps, replayed. Pure.

Only what is certain is judged: who is known to stand in a queue was seen to join it in the same epoch, without a gap
in the steps since, or waited by the record from before the epoch was begun until after it was open.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.contracts.events import (
    CapacityEvent,
    ClaimQueuedV1,
    ClaimWithdrawnV1,
    Payload,
    PlaceHandedOverV1,
    PlaceHeldV1,
)
from tests.chaos.feed import Id, Steps

GRANTS = (PlaceHeldV1, PlaceHandedOverV1)


@dataclass(frozen=True, slots=True)
class Wait:
    """By the record a referral waited for these programmes under one attempt; moments in ms, `until` inf at the end."""

    referral: str
    attempt: int
    programmes: frozenset[str]
    since: float
    until: float


@dataclass
class Verdict:
    """`hand_overs` and `judged` count the places given to who waited, and those at which others were known to wait."""

    hand_overs: int = 0
    judged: int = 0
    overtaken: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


@dataclass
class _Queues:
    """Who certainly stands in which programme's queue."""

    ranks: Mapping[str, int]
    by_programme: dict[str, set[str]] = field(default_factory=dict)

    def join(self, referral: str, programmes: Sequence[str]) -> None:
        for name in programmes:
            self.by_programme.setdefault(name, set()).add(referral)

    def leave(self, referral: str) -> None:
        for queue in self.by_programme.values():
            queue.discard(referral)

    def others(self, programme: str, referral: str) -> set[str]:
        return {one for one in self.by_programme.get(programme, ()) if one != referral and one in self.ranks}

    def before(self, programme: str, referral: str) -> list[str]:
        """Those with a smaller rank; equal ranks go by id."""
        own = (self.ranks[referral], referral)
        return sorted(one for one in self.others(programme, referral) if (self.ranks[one], one) < own)


def judge(steps: Steps, waits: Sequence[Wait], ranks: Mapping[str, int]) -> Verdict:
    """`ranks`: every referral's, by the record."""
    verdict, queues = Verdict(), _Queues(ranks)
    last: Id = (0, 0)
    for id, data in sorted(steps.known.items(), key=lambda item: item[0]):
        if id != (last[0], last[1] + 1):
            queues = _Queues(ranks)
            if id[1] == 1:
                for one, programmes in _restored(id[0], steps, waits):
                    queues.join(one.referral, programmes)
        last = id
        _take(id, data, queues, verdict)
    return verdict


def _take(id: Id, data: Payload, queues: _Queues, verdict: Verdict) -> None:
    if isinstance(data, ClaimQueuedV1):
        queues.join(str(data.referral_id), data.programme_ids)
    elif isinstance(data, ClaimWithdrawnV1):
        queues.leave(str(data.referral_id))
    elif isinstance(data, GRANTS) and not getattr(data, "kept", None):
        _grant(id, data, queues, verdict)


def _grant(id: Id, data: CapacityEvent, queues: _Queues, verdict: Verdict) -> None:
    who, where = str(data.referral_id), data.programme_id
    verdict.hand_overs += isinstance(data, PlaceHandedOverV1)
    if data.held + data.occupied > data.places:
        verdict.twice.append(
            f"{where} gave {who} a place it does not have: {data.held} + {data.occupied} of {data.places}"
        )
    if who in queues.ranks:
        verdict.judged += bool(queues.others(where, who))
        if before := queues.before(where, who):
            verdict.overtaken.append(f"{who} got a place of {where} at {id[0]}-{id[1]} before {', '.join(before)}")
    queues.leave(who)


def _restored(epoch: int, steps: Steps, waits: Sequence[Wait]) -> Iterator[tuple[Wait, list[str]]]:
    """Who stood in the queues when `epoch` was opened, and in which: those who waited all through the rebuild.

    A queue that somebody is seen to join later is left out: the registry had it only afterwards.
    """
    joined = {
        (str(data.referral_id), data.attempt, programme)
        for id, data in steps.known.items()
        if id[0] == epoch and isinstance(data, ClaimQueuedV1)
        for programme in data.programme_ids
    }
    for one in waits:
        if one.since < epoch and one.until > steps.opened[epoch]:
            programmes = [name for name in one.programmes if (one.referral, one.attempt, name) not in joined]
            yield one, programmes
