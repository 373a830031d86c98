"""All programmes at one version of the registry, each settlement's nearest first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.contracts.reference import Settlement
from services.referral.domain.programmes import Programme
from services.referral.domain.routing import Neighbor
from services.referral.domain.staleness import WEEK, Staleness

FOR_EVER = datetime.max.replace(tzinfo=UTC)
Kilometers = Callable[[Settlement], Mapping[str, float]]
"""From a settlement to every center: center id to geodesic kilometers, rounded to the meter."""


@dataclass
class Network:
    """Immutable but for its memory: a settlement's neighbors are computed once, when first asked for."""

    version: int
    programmes: Mapping[str, Programme]
    settlements: Mapping[str, Settlement]
    kilometers: Kilometers
    staleness: Staleness = WEEK
    good_until: datetime = FOR_EVER
    """Later than that one of the figures would be stale, unless it has been confirmed meanwhile: read it again."""
    _neighbors: dict[str, tuple[Neighbor, ...]] = field(default_factory=dict)
    _distances: dict[str, dict[str, float]] = field(default_factory=dict)

    def region_of(self, settlement_id: str) -> str | None:
        """The settlement's region, None when there is no such settlement."""
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
        if settlement_id not in self._distances:
            near = self.neighbors(settlement_id)
            self._distances[settlement_id] = {one.id: kilometers for kilometers, one in near}
        return self._distances[settlement_id][programme_id]
