"""A small country with few places, so that children wait and places are handed over all the time."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

from services.contracts.reference import Settlement, read_settlements
from services.kit.settings import CHECKOUT
from tests.chaos.clients import Client, Notes
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

PREFIXES = ["F7", "F8", "G", "P", "Q", "R"]
"""Whatever made-up children have."""
CENTERS = 6
WISHES = (["inpatient"], ["outpatient"], ["inpatient", "outpatient"], ["inpatient", "outpatient", "day_stay"])


@dataclass(frozen=True, slots=True)
class Center:
    """A center and its programmes, by id, with their usual places."""

    id: str
    body: dict[str, Any]

    @property
    def places(self) -> dict[str, int]:
        return {one["id"]: one["places"] for one in self.body["programmes"]}


def towns() -> list[Settlement]:
    """The largest first."""
    found = read_settlements(CHECKOUT / "data").values()
    return sorted(found, key=lambda one: (-(one.population or 0), one.id))


def center(id: str, at: Settlement, chance: Random, *modalities: str) -> Center:
    programmes = [
        {
            "id": f"{id}-{modality.replace('_', '-')}",
            "modality": modality,
            "age_from_months": 0,
            "age_under_months": 216,
            "icd10_prefixes": PREFIXES,
            "catchment": "nation",
            "places": chance.randint(2, 5),
            "course_days": 14,
        }
        for modality in modalities
    ]
    names = {f"name_{language}": id for language in ("kk", "ru", "en")}
    where = {"region_id": at.region_id, "settlement_id": at.id, "latitude": at.latitude, "longitude": at.longitude}
    return Center(id, {**names, **where, "programmes": programmes})


def base() -> list[Center]:
    """The centers that are there from the beginning: two in the largest town, which are equally near to everybody."""
    chance, largest = Random(1), towns()
    where = [largest[0], *largest[: CENTERS - 1]]
    return [center(f"center-{number}", at, chance, "inpatient", "outpatient") for number, at in enumerate(where, 1)]


def opened(seed: int, number: int) -> Center:
    """A center that opens in the middle of run `number` (of this network)."""
    chance, all_towns = Random(seed), towns()
    return center(f"opened-{number}-{seed}", chance.choice(all_towns[:12]), chance, chance.choice(WISHES[:2])[0])


def child(body: dict[str, Any], chance: Random) -> dict[str, Any]:
    """A made-up child who may go to some programme of this country, wherever it is."""
    return body | {"modalities": chance.choice(WISHES), "max_distance_km": None}


async def found(network: RunningNetwork) -> None:
    """Register the centers, and wait until capacity knows their places."""
    notes, centers = Notes(), base()
    async with Client(network, notes, "referral", "operator") as registry:
        for one in centers:
            await registry.ask("PUT", f"/v1/centers/{one.id}", json=one.body)
    wanted = {name for one in centers for name in one.places}
    async with Client(network, notes, "capacity", "operator") as capacity:

        async def known() -> bool:
            return wanted <= {one["programme_id"] for one in await capacity.items("/v1/capacity", limit=1000)}

        await eventually(known, "capacity knows the country's places", within=60)
    assert not notes.findings, notes.findings


async def pause(chance: Random, longest: float = 0.4) -> None:
    """What a person needs between two steps."""
    await asyncio.sleep(chance.uniform(0.1, longest))
