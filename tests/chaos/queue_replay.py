"""Replay of capacity's steps: was anybody overtaken in a queue, or a place given twice? Pure.

Only certain knowledge is judged: a child is known to stand in a queue after a step that says so, until a gap in the
steps; or by a wait in the record from before the epoch began until after it was open.
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
from tests.chaos.feed import Id, ObservedSteps

GRANTS = (PlaceHeldV1, PlaceHandedOverV1)


@dataclass(frozen=True, slots=True)
class RecordedWait:
    """A referral waited for these programmes under one attempt; in ms, `until` is inf while the wait goes on."""

    referral: str
    attempt: int
    programmes: frozenset[str]
    since: float
    until: float


@dataclass
class ReplayResult:
    """`hand_overs` counts places given to waiting children, `judged` those for which others were known to wait."""

    hand_overs: int = 0
    judged: int = 0
    overtaken: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


@dataclass
class _Queues:
    """The referrals that certainly stand in each programme's queue."""

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

    def ahead(self, programme: str, referral: str) -> list[str]:
        """Those with a smaller rank; equal ranks go by id."""
        own = (self.ranks[referral], referral)
        return sorted(one for one in self.others(programme, referral) if (self.ranks[one], one) < own)


def replay(steps: ObservedSteps, waits: Sequence[RecordedWait], ranks: Mapping[str, int]) -> ReplayResult:
    """`ranks`: every referral's, by the record."""
    result, queues = ReplayResult(), _Queues(ranks)
    last: Id = (0, 0)
    for id, data in sorted(steps.by_id.items(), key=lambda item: item[0]):
        if id != (last[0], last[1] + 1):
            queues = _Queues(ranks)
            if id[1] == 1:
                for one, programmes in _restored(id[0], steps, waits):
                    queues.join(one.referral, programmes)
        last = id
        _apply(id, data, queues, result)
    return result


def _apply(id: Id, data: Payload, queues: _Queues, result: ReplayResult) -> None:
    if isinstance(data, ClaimQueuedV1):
        queues.join(str(data.referral_id), data.programme_ids)
    elif isinstance(data, ClaimWithdrawnV1):
        queues.leave(str(data.referral_id))
    elif isinstance(data, GRANTS) and not getattr(data, "kept", None):
        _grant(id, data, queues, result)


def _grant(id: Id, data: CapacityEvent, queues: _Queues, result: ReplayResult) -> None:
    referral, programme = str(data.referral_id), data.programme_id
    result.hand_overs += isinstance(data, PlaceHandedOverV1)
    if data.held + data.occupied > data.places:
        result.twice.append(
            f"{programme} gave {referral} a place it does not have: {data.held} + {data.occupied} of {data.places}"
        )
    if referral in queues.ranks:
        result.judged += bool(queues.others(programme, referral))
        if ahead := queues.ahead(programme, referral):
            result.overtaken.append(
                f"{referral} got a place of {programme} at {id[0]}-{id[1]} before {', '.join(ahead)}"
            )
    queues.leave(referral)


def _restored(
    epoch: int, steps: ObservedSteps, waits: Sequence[RecordedWait]
) -> Iterator[tuple[RecordedWait, list[str]]]:
    """The queue entries of an epoch when it opened: those of waits that lasted all through the rebuild.

    A queue that the referral is seen to join later is left out: its entry was recorded only afterwards.
    """
    joined = {
        (str(data.referral_id), data.attempt, programme)
        for id, data in steps.by_id.items()
        if id[0] == epoch and isinstance(data, ClaimQueuedV1)
        for programme in data.programme_ids
    }
    for one in waits:
        if one.since < epoch and one.until > steps.opened[epoch]:
            programmes = [name for name in one.programmes if (one.referral, one.attempt, name) not in joined]
            yield one, programmes
