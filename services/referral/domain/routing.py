"""Ranking: which programmes accept a child, the nearest first, and why the others do not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from services.contracts.vocabulary import Priority
from services.referral.domain.eligibility import Exclusion, exclusion
from services.referral.domain.programmes import Needs, Programme

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
    """A programme that accepts the child. `free` is its free places when the claim was made, once it was."""

    programme_id: str
    kilometers: float
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Candidates in order of distance, then id; and by reason, the programmes that were left out."""

    candidates: tuple[Candidate, ...]
    excluded: dict[Exclusion, tuple[str, ...]]

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """The candidates' ids, those at the same distance together: there more free places go first."""
        same = groupby(self.candidates, key=lambda candidate: candidate.kilometers)
        return tuple(tuple(one.programme_id for one in tier) for _, tier in same)


def rank_programmes(
    needs: Needs, neighbors: Sequence[Neighbor], now: datetime, passed: Collection[str] = ()
) -> Decision:
    """Decide where this child may go at `now`. `neighbors` are all programmes, by (kilometers, id)."""
    age, candidates, excluded = needs.age_at(now), [], dict[Exclusion, list[str]]()
    for kilometers, programme in neighbors:
        reason = exclusion(needs, age, programme, kilometers, passed)
        if reason is None:
            candidates.append(Candidate(programme.id, kilometers))
        else:
            excluded.setdefault(reason, []).append(programme.id)
    return Decision(tuple(candidates), {reason: tuple(ids) for reason, ids in excluded.items()})


def queue_rank(needs: Needs) -> int:
    """The turn, for ever: the time of submission in milliseconds, less a head start by priority. Smaller goes first."""
    return (needs.submitted_at - HEAD_START[needs.priority] - _EPOCH) // timedelta(milliseconds=1)
