"""The country of `data/` as the referral service sees it: programmes, figures, settlements, distances."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from services.contracts.reference import read_centers, read_programmes, read_settlements
from services.referral.adapters.geodesic import GeodesicDistances
from services.referral.domain.forecast import stay
from services.referral.domain.network import Network
from services.referral.domain.programmes import Figure, Programme

DAY = 24 * 60
"""Minutes."""


@dataclass(frozen=True)
class Country:
    """A network, and of each programme its places and the minutes that a placement uses one of them."""

    network: Network
    places: dict[str, int]
    stays: dict[str, int]

    @property
    def courses_a_day(self) -> float:
        """So many placements a day use every place all the time."""
        return sum(count * DAY / self.stays[name] for name, count in self.places.items())


def country_of(network: Network) -> Country:
    """A place is used from the offer on, as long as the forecast assumes."""
    places = {one.programme_id: one.places for one in network.figures.values()}
    return Country(network, places, {one.id: stay(one.course_days) * DAY for one in network.programmes.values()})


def read_country(data: Path, at: datetime) -> Country:
    """Every center's figure is as in `data`, and so fresh that no order ever depends on its age."""
    centers, entries = read_centers(data), read_programmes(data).values()
    distances = GeodesicDistances({one.id: (one.latitude, one.longitude) for one in centers.values()})
    programmes = {
        one.id: Programme(
            region_id=centers[one.center_id].region_id,
            settlement_id=centers[one.center_id].settlement_id,
            **one.model_dump(exclude={"places"}),
        )
        for one in entries
    }
    confirmed_at = at + timedelta(days=36_500)
    figures = {
        one.id: Figure(one.id, one.center_id, one.places, False, confirmed_at, f"center:{one.center_id}", 1)
        for one in entries
    }
    return country_of(Network(1, programmes, figures, read_settlements(data), distances))
