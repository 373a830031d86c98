"""Ranking: which programmes accept a child, the nearest first, and why the others do not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from services.contracts.vocabulary import Priority
from services.referral.domain.eligibility import Exclusion, exclusion
from services.referral.domain.programmes import Needs, Programme
from services.referral.domain.staleness import WEEK, Staleness

HEAD_START = {
    Priority.URGENT: timedelta(days=180),
    Priority.HIGH: timedelta(days=60),
    Priority.ROUTINE: timedelta(0),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Neighbor = tuple[float, Programme]
"""A programme and its center's geodesic distance from the child's home settlement, in kilometers."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A programme that accepts the child. `free` is its free places when the claim was made, once it was.

    `behind_km` is given where its figure is stale: the kilometers by which it is ordered behind its true distance.
    A `suspended` one gave no places then, and has a queue all the same.
    """

    programme_id: str
    kilometers: float
    free: int | None = None
    behind_km: float | None = None
    suspended: bool = False

    @property
    def stale(self) -> bool:
        return self.behind_km is not None

    @property
    def ordered_at(self) -> float:
        """The kilometers that the order goes by, to the meter."""
        return round(self.kilometers + self.behind_km, 3) if self.behind_km else self.kilometers


@dataclass(frozen=True, slots=True)
class Decision:
    """Candidates in order of distance (the stale farther by policy), then id; and by reason, who was left out."""

    candidates: tuple[Candidate, ...]
    excluded: dict[Exclusion, tuple[str, ...]]

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """The candidates' ids, those at the same distance together: there more free places go first."""
        same = groupby(self.candidates, key=lambda candidate: candidate.ordered_at)
        return tuple(tuple(one.programme_id for one in tier) for _, tier in same)


def candidate(programme: Programme, kilometers: float, now: datetime, staleness: Staleness) -> Candidate:
    """`programme`, which accepts the child, as it is ordered at `now`."""
    stale = staleness.is_stale(programme.confirmed_at, now)
    return Candidate(programme.id, kilometers, None, staleness.behind_km if stale else None, programme.suspended)


def in_order(candidate: Candidate) -> tuple[float, str]:
    """What candidates are ordered by."""
    return candidate.ordered_at, candidate.programme_id


def rank_programmes(
    needs: Needs,
    neighbors: Sequence[Neighbor],
    now: datetime,
    passed: Collection[str] = (),
    staleness: Staleness = WEEK,
) -> Decision:
    """Decide where this child may go at `now`. `neighbors` are all programmes, by (kilometers, id)."""
    age, candidates, excluded = needs.age_at(now), [], dict[Exclusion, list[str]]()
    fresh_from, behind = now - staleness.after, False
    for kilometers, programme in neighbors:
        reason = exclusion(needs, age, programme, kilometers, passed)
        if reason is not None:
            excluded.setdefault(reason, []).append(programme.id)
        elif programme.confirmed_at >= fresh_from:
            candidates.append(Candidate(programme.id, kilometers, None, None, programme.suspended))
        else:
            candidates.append(Candidate(programme.id, kilometers, None, staleness.behind_km, programme.suspended))
            behind = staleness.behind_km > 0
    if behind:
        candidates.sort(key=in_order)
    return Decision(tuple(candidates), {reason: tuple(ids) for reason, ids in excluded.items()})


def queue_rank(needs: Needs) -> int:
    """The turn, for ever: the time of submission in milliseconds, less a head start by priority. Smaller goes first."""
    return (needs.submitted_at - HEAD_START[needs.priority] - _EPOCH) // timedelta(milliseconds=1)
