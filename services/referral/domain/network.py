"""All open programmes at one version of the registry, and their figures."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from services.contracts.reference import Settlement
from services.contracts.vocabulary import Modality
from services.referral.domain.eligibility import Exclusion
from services.referral.domain.programmes import Figure, Needs, Programme
from services.referral.domain.routing import Decision, Neighbor, rank_programmes, unfits_of
from services.referral.domain.staleness import WEEK, Staleness

Kilometers = Callable[[Settlement], Mapping[str, float]]
"""From a settlement to every center: center id to geodesic kilometers, rounded to the meter."""

KINDS = 4096
"""Kinds of children whose unfit programmes are remembered: of one modality set, diagnosis and range of ages each."""
Kind = tuple[frozenset[Modality], str, int]


@dataclass
class Network:
    """Immutable, but for caches: a settlement's neighbors are sorted once, when first asked for, and a kind of child
    is compared with the programmes once."""

    version: int
    programmes: Mapping[str, Programme]
    figures: Mapping[str, Figure]
    settlements: Mapping[str, Settlement]
    kilometers: Kilometers
    staleness: Staleness = WEEK
    _neighbors: dict[str, tuple[Neighbor, ...]] = field(default_factory=dict)
    _unfits: dict[Kind, Mapping[str, Exclusion]] = field(default_factory=dict)

    def with_figures(self, figures: Mapping[str, Figure]) -> "Network":
        """The same programmes with these figures, on which what is cached does not depend."""
        return replace(self, figures=figures)

    def decide(self, needs: Needs, at: datetime, excluded_ids: Collection[str] = ()) -> Decision:
        """Where this child may go at `at`; raises KeyError for an unknown settlement."""
        neighbors, unfits = self.neighbors(needs.settlement_id), self._unfits_of(needs, needs.age_at(at))
        return rank_programmes(needs, neighbors, self.figures, at, excluded_ids, self.staleness, unfits)

    def _unfits_of(self, needs: Needs, age_months: int) -> Mapping[str, Exclusion]:
        kind = needs.modalities, needs.icd10, bisect_right(self._ages, age_months)
        if (known := self._unfits.get(kind)) is None:
            if len(self._unfits) >= KINDS:
                self._unfits.clear()
            known = self._unfits[kind] = unfits_of(needs, age_months, self.programmes.values())
        return known

    @cached_property
    def _ages(self) -> list[int]:
        """Between two of these every child has the same programmes, as far as its age decides."""
        return sorted({age for one in self.programmes.values() for age in (one.age_from_months, one.age_under_months)})

    def region_of(self, settlement_id: str) -> str | None:
        """The settlement's region; None for an unknown settlement."""
        settlement = self.settlements.get(settlement_id)
        return settlement.region_id if settlement else None

    def neighbors(self, settlement_id: str) -> tuple[Neighbor, ...]:
        """Every programme by (kilometers, id); raises KeyError for an unknown settlement."""
        if settlement_id not in self._neighbors:
            distance = self.kilometers(self.settlements[settlement_id])
            pairs = [(distance[one.center_id], one) for one in self.programmes.values()]
            self._neighbors[settlement_id] = tuple(sorted(pairs, key=lambda pair: (pair[0], pair[1].id)))
        return self._neighbors[settlement_id]

    def distance(self, settlement_id: str, programme_id: str) -> float:
        """Kilometers from a settlement to a programme's center."""
        return self.kilometers(self.settlements[settlement_id])[self.programmes[programme_id].center_id]
