"""Ranking: the programmes that accept a child, the nearest first, and why the others do not."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from operator import itemgetter
from typing import NamedTuple, TypeVar

from services.contracts.vocabulary import Priority
from services.referral.domain.eligibility import Exclusion, declined
from services.referral.domain.kinds import Common, Excluded
from services.referral.domain.programmes import Figure, Needs, Programme
from services.referral.domain.staleness import WEEK, Staleness

HEAD_START = {Priority.URGENT: timedelta(days=180), Priority.HIGH: timedelta(days=60), Priority.ROUTINE: timedelta(0)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Neighbor = tuple[float, str, Programme]
"""The geodesic distance of a programme's center from the child's home settlement, in kilometers, its id and itself."""
_distance = itemgetter(0)


class Candidate(NamedTuple):
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
        """The same with these free places; `_replace` takes three times as long."""
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
    """Candidates by distance (stale ones farther by policy), then id; and the excluded programmes by reason.

    `own` has those that are excluded for this child (by distance), `common` those for all children of its kind.
    """

    candidates: tuple[Candidate, ...]
    own: Excluded
    common: Common | None = None

    @property
    def excluded(self) -> Excluded:
        """Every programme that is no candidate, by reason."""
        return whole(self.own, self.programme_ids, self.common.excluded) if self.common else self.own

    def claimed(self, free: Mapping[str, int]) -> "Decision":
        """The same with the free places at the claim."""
        found = tuple([one.with_free(free.get(one.programme_id)) for one in self.candidates])
        return Decision(found, self.own, self.common)

    def among(self, candidates: tuple[Candidate, ...]) -> "Decision":
        """The same with these candidates; the others are not named."""
        return Decision(candidates, self.excluded)

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """The candidates' ids, those at the same distance together: there more free places go first."""
        same = groupby(self.candidates, key=lambda candidate: candidate.ordered_at)
        return tuple(tuple(one.programme_id for one in tier) for _, tier in same)

    @property
    def programme_ids(self) -> frozenset[str]:
        return frozenset(one.programme_id for one in self.candidates)


R = TypeVar("R", bound=str)
"""A reason."""


def whole(
    own: Mapping[R, Sequence[str]], candidates: Collection[str], common: Mapping[R, Sequence[str]]
) -> dict[R, tuple[str, ...]]:
    """The excluded programmes by reason, of a child's own and those of its kind: its candidates are none."""
    named = {*candidates, *chain.from_iterable(own.values())}
    found = {reason: tuple([one for one in ids if one not in named]) for reason, ids in common.items()}
    return {reason: ids for reason, ids in found.items() if ids} | {reason: tuple(ids) for reason, ids in own.items()}


def rank_programmes(
    needs: Needs,
    neighbors: Sequence[Neighbor],
    figures: Mapping[str, Figure],
    now: datetime,
    excluded_ids: Collection[str] = (),
    staleness: Staleness = WEEK,
    common: Common | None = None,
) -> Decision:
    """Decide where this child may go at `now`. `neighbors` are the programmes that fit it and take it from its home,
    by (kilometers, id); `common` has the others.
    """
    limit = needs.max_distance_km
    near = len(neighbors) if limit is None else bisect_right(neighbors, limit, key=_distance)
    own, accepting = dict[Exclusion, tuple[str, ...]](), neighbors[:near]
    if near < len(neighbors):
        own[Exclusion.DISTANCE] = tuple([id for _, id, _ in neighbors[near:]])
    if excluded_ids and (refusing := tuple([id for _, id, one in accepting if declined(one, excluded_ids)])):
        own[Exclusion.DECLINED] = refusing
        accepting = [one for one in accepting if one[1] not in refusing]
    return Decision(_candidates(accepting, figures, now, staleness), own, common)


def _candidates(
    accepting: Sequence[Neighbor], figures: Mapping[str, Figure], now: datetime, staleness: Staleness
) -> tuple[Candidate, ...]:
    candidates = list[Candidate]()
    fresh_from, behind = now - staleness.after, False
    for kilometers, id, _ in accepting:
        figure = figures.get(id)
        suspended = figure is not None and figure.suspended
        if figure is not None and figure.confirmed_at >= fresh_from:
            candidates.append(Candidate(id, kilometers, None, None, suspended))
        else:
            candidates.append(Candidate(id, kilometers, None, staleness.behind_km, suspended))
            behind = staleness.behind_km > 0
    if behind:
        candidates.sort(key=lambda one: (one.ordered_at, one.programme_id))
    return tuple(candidates)


def queue_rank(needs: Needs) -> int:
    """The rank in every queue: the time of submission in milliseconds less a head start by priority."""
    return (needs.submitted_at - HEAD_START[needs.priority] - _EPOCH) // timedelta(milliseconds=1)
