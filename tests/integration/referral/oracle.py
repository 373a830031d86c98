"""A brute-force router, written from the design's text alone: it shares no line with the service.

Eligible: age in months within the programme's range, ICD-10 code under one of its prefixes, modality among those asked
for, home within its catchment, not farther than the family's limit. Nearest: by geodesic distance from the home
settlement to the center, to the meter; ties go to more free places, then to the smaller id. Where policy says so,
who has not confirmed its figure for long counts as that much farther.
"""

import csv
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from geographiclib.geodesic import Geodesic


def table(file: Path) -> dict[str, dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["id"]: row for row in csv.DictReader(lines)}


@dataclass
class Oracle:
    """Keeps its own count of free places."""

    data: Path
    stale: frozenset[str] = frozenset()
    behind_meters: int = 0
    meters: dict[tuple[str, str], int] = field(default_factory=dict)

    @cached_property
    def settlements(self) -> dict[str, dict[str, str]]:
        return table(self.data / "settlements.csv")

    @cached_property
    def centers(self) -> dict[str, dict[str, str]]:
        return table(self.data / "centers.csv")

    @cached_property
    def programmes(self) -> dict[str, dict[str, str]]:
        return table(self.data / "programmes.csv")

    @cached_property
    def free(self) -> dict[str, int]:
        return {id: int(row["places"]) for id, row in self.programmes.items()}

    def accepting(self, child: dict[str, Any]) -> dict[str, int]:
        """Programme to meters, of those that accept the child."""
        found = {}
        for id, row in self.programmes.items():
            if self._accepts(row, child):
                far = self._meters(child["settlement_id"], row["center_id"])
                if child.get("max_distance_km") is None or far <= child["max_distance_km"] * 1000:
                    found[id] = far
        return found

    def place(self, child: dict[str, Any]) -> tuple[str | None, set[str]]:
        """The programme that the child is offered to, if any, and all that accept it."""
        accepting = self.accepting(child)
        best = min(
            (id for id in accepting if self.free[id] > 0),
            key=lambda id: (accepting[id] + self.behind_meters * (id in self.stale), -self.free[id], id),
            default=None,
        )
        if best:
            self.free[best] -= 1
        return best, set(accepting)

    def _accepts(self, row: dict[str, str], child: dict[str, Any]) -> bool:
        if row["modality"] not in child["modalities"]:
            return False
        if not int(row["age_from_months"]) <= child["age_months"] < int(row["age_under_months"]):
            return False
        home, center = self.settlements[child["settlement_id"]], self.centers[row["center_id"]]
        lives_there = {
            "nation": True,
            "region": home["region_id"] == center["region_id"],
            "settlement": home["id"] == center["settlement_id"],
        }[row["catchment"]]
        return lives_there and any(child["icd10"].startswith(prefix) for prefix in row["icd10_prefixes"].split(";"))

    def _meters(self, settlement_id: str, center_id: str) -> int:
        if (settlement_id, center_id) not in self.meters:
            home, center = self.settlements[settlement_id], self.centers[center_id]
            line = Geodesic.WGS84.Inverse(
                *(float(place[name]) for place in (home, center) for name in ("latitude", "longitude"))
            )
            self.meters[settlement_id, center_id] = round(line["s12"])
        return self.meters[settlement_id, center_id]
