"""All open programmes at one version of the registry, and their figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.contracts.reference import Settlement
from services.referral.domain.programmes import Figure, Programme
from services.referral.domain.routing import Neighbor
from services.referral.domain.staleness import WEEK, Staleness

Kilometers = Callable[[Settlement], Mapping[str, float]]
"""From a settlement to every center: center id to geodesic kilometers, rounded to the meter."""


@dataclass
class Network:
    """Immutable, but for a cache: a settlement's neighbors are sorted once, when first asked for."""

    version: int
    programmes: Mapping[str, Programme]
    figures: Mapping[str, Figure]
    settlements: Mapping[str, Settlement]
    kilometers: Kilometers
    staleness: Staleness = WEEK
    _neighbors: dict[str, tuple[Neighbor, ...]] = field(default_factory=dict)

    def with_figures(self, figures: Mapping[str, Figure]) -> "Network":
        """The same programmes with these figures; neighbors do not depend on figures."""
        return Network(
            self.version, self.programmes, figures, self.settlements, self.kilometers, self.staleness, self._neighbors
        )

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
