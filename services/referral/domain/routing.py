"""Ranking: the programmes that accept a child, the nearest first, and why the others do not."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from services.contracts.vocabulary import Priority
from services.referral.domain.eligibility import Exclusion, out_of_reach, unfit
from services.referral.domain.programmes import Figure, Needs, Programme
from services.referral.domain.staleness import WEEK, Staleness

HEAD_START = {Priority.URGENT: timedelta(days=180), Priority.HIGH: timedelta(days=60), Priority.ROUTINE: timedelta(0)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Neighbor = tuple[float, Programme]
"""A programme and its center's geodesic distance from the child's home settlement, in kilometers."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A programme that accepts the child. `free` counts its free places at the claim, once it was made.

    `behind_km` is given when its figure is stale: the kilometers by which it is ordered behind its true distance.
    A `suspended` one gave no places then, and has a queue all the same.
    """

    programme_id: str
    kilometers: float
    free: int | None = None
    behind_km: float | None = None
    suspended: bool = False

    def with_free(self, free: int | None) -> "Candidate":
        """The same with these free places; `dataclasses.replace` takes three times as long."""
        return Candidate(self.programme_id, self.kilometers, free, self.behind_km, self.suspended)

    @property
    def stale(self) -> bool:
        return self.behind_km is not None

    @property
    def ordered_at(self) -> float:
        """The kilometers that the order goes by, to the meter."""
        return round(self.kilometers + self.behind_km, 3) if self.behind_km else self.kilometers


@dataclass(frozen=True, slots=True)
class Decision:
    """Candidates by distance (stale ones farther by policy), then id; and the excluded programmes by reason."""

    candidates: tuple[Candidate, ...]
    excluded: dict[Exclusion, tuple[str, ...]]

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """The candidates' ids, those at the same distance together: there more free places go first."""
        same = groupby(self.candidates, key=lambda candidate: candidate.ordered_at)
        return tuple(tuple(one.programme_id for one in tier) for _, tier in same)

    @property
    def programme_ids(self) -> frozenset[str]:
        return frozenset(one.programme_id for one in self.candidates)


def unfits_of(needs: Needs, age_months: int, programmes: Iterable[Programme]) -> Mapping[str, Exclusion]:
    """By id the programmes that accept no such child, wherever it lives, and why."""
    return {one.id: reason for one in programmes if (reason := unfit(needs, age_months, one))}


def rank_programmes(
    needs: Needs,
    neighbors: Sequence[Neighbor],
    figures: Mapping[str, Figure],
    now: datetime,
    excluded_ids: Collection[str] = (),
    staleness: Staleness = WEEK,
    unfits: Mapping[str, Exclusion] | None = None,
) -> Decision:
    """Decide where this child may go at `now`. `neighbors` are all programmes, by (kilometers, id).

    `unfits`: what `unfits_of` says of the child's needs and its age at `now`, where that is known.
    """
    if unfits is None:
        unfits = unfits_of(needs, needs.age_at(now), [one for _, one in neighbors])
    candidates, excluded = list[Candidate](), defaultdict[Exclusion, list[str]](list)
    fresh_from, behind = now - staleness.after, False
    for kilometers, programme in neighbors:
        reason = unfits.get(programme.id) or out_of_reach(needs, programme, kilometers, excluded_ids)
        if reason is not None:
            excluded[reason].append(programme.id)
            continue
        figure = figures.get(programme.id)
        suspended = figure is not None and figure.suspended
        if figure is not None and figure.confirmed_at >= fresh_from:
            candidates.append(Candidate(programme.id, kilometers, None, None, suspended))
        else:
            candidates.append(Candidate(programme.id, kilometers, None, staleness.behind_km, suspended))
            behind = staleness.behind_km > 0
    if behind:
        candidates.sort(key=lambda one: (one.ordered_at, one.programme_id))
    return Decision(tuple(candidates), {reason: tuple(ids) for reason, ids in excluded.items()})


def queue_rank(needs: Needs) -> int:
    """The rank in every queue: the time of submission in milliseconds less a head start by priority."""
    return (needs.submitted_at - HEAD_START[needs.priority] - _EPOCH) // timedelta(milliseconds=1)
