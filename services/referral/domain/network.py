"""All open programmes at one version of the registry, and their figures."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import TypeVar

from services.contracts.reference import Settlement
from services.contracts.vocabulary import Modality
from services.referral.domain.kinds import Kind, kind_of
from services.referral.domain.programmes import Figure, Needs, Programme
from services.referral.domain.routing import Decision, rank_programmes
from services.referral.domain.staleness import WEEK, Staleness

Kilometers = Callable[[Settlement], Mapping[str, float]]
"""From a settlement to every center: center id to geodesic kilometers, rounded to the meter."""

K = TypeVar("K")
V = TypeVar("V")
Prefixes = tuple[str, ...]
KINDS = 2048
"""Kinds of children, and diagnoses, that are remembered."""
KindKey = tuple[frozenset[Modality], frozenset[Prefixes], int]
"""Modalities, lists of prefixes that a diagnosis begins with one of, and range of ages."""


@dataclass
class Network:
    """Immutable, but for caches: a kind of child is compared with the programmes once, when first asked for."""

    version: int
    programmes: Mapping[str, Programme]
    figures: Mapping[str, Figure]
    settlements: Mapping[str, Settlement]
    kilometers: Kilometers
    staleness: Staleness = WEEK
    _kinds: dict[KindKey, Kind] = field(default_factory=dict)
    _diagnoses: dict[str, frozenset[Prefixes]] = field(default_factory=dict)

    def with_figures(self, figures: Mapping[str, Figure]) -> "Network":
        """The same programmes with these figures, on which what is cached does not depend."""
        return replace(self, figures=figures)

    def decide(self, needs: Needs, at: datetime, excluded_ids: Collection[str] = ()) -> Decision:
        """Where this child may go at `at`; raises KeyError for an unknown settlement."""
        distance = self.kilometers(self.settlements[needs.settlement_id])
        kind = self._kind_of(needs, needs.age_at(at))
        neighbors = sorted([(distance[one.center_id], one.id, one) for one in kind.serving(needs)])
        return rank_programmes(needs, neighbors, self.figures, at, excluded_ids, self.staleness, kind.common)

    def _kind_of(self, needs: Needs, age_months: int) -> Kind:
        if (takers := self._diagnoses.get(needs.icd10)) is None:
            takers = frozenset([one for one in self._prefixes if needs.icd10.startswith(one)])
            _remember(self._diagnoses, needs.icd10, takers)
        key = needs.modalities, takers, bisect_right(self._ages, age_months)
        if (known := self._kinds.get(key)) is None:
            known = kind_of(needs, age_months, self._by_id)
            _remember(self._kinds, key, known)
        return known

    @cached_property
    def _by_id(self) -> list[Programme]:
        return sorted(self.programmes.values(), key=attrgetter("id"))

    @cached_property
    def _prefixes(self) -> frozenset[Prefixes]:
        return frozenset(one.icd10_prefixes for one in self.programmes.values())

    @cached_property
    def _ages(self) -> list[int]:
        """Between two of these every child has the same programmes, as far as its age decides."""
        return sorted({age for one in self.programmes.values() for age in (one.age_from_months, one.age_under_months)})

    def region_of(self, settlement_id: str) -> str | None:
        """The settlement's region; None for an unknown settlement."""
        settlement = self.settlements.get(settlement_id)
        return settlement.region_id if settlement else None

    def distance(self, settlement_id: str, programme_id: str) -> float:
        """Kilometers from a settlement to a programme's center."""
        return self.kilometers(self.settlements[settlement_id])[self.programmes[programme_id].center_id]


def _remember(known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= KINDS:
        known.clear()
    known[key] = value
