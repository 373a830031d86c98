"""A small country with few places, so that children wait and places are handed over all the time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from services.contracts.reference import Settlement, read_settlements
from services.kit.settings import CHECKOUT
from tests.chaos.clients import Client, ClientLog
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

PREFIXES = ["F7", "F8", "G", "P", "Q", "R"]
"""Of every diagnosis that made-up children have."""
CENTERS = 6
WISHES = (["inpatient"], ["outpatient"], ["inpatient", "outpatient"], ["inpatient", "outpatient", "day_stay"])


@dataclass(frozen=True, slots=True)
class Center:
    """A center's entry, and its programmes' usual places by id."""

    id: str
    entry: dict[str, Any]
    places: dict[str, int]


def towns() -> list[Settlement]:
    """The settlements, the largest first."""
    found = read_settlements(CHECKOUT / "data").values()
    return sorted(found, key=lambda one: (-(one.population or 0), one.id))


def center(id: str, at: Settlement, random: Random, *modalities: str) -> Center:
    programmes, places = [], {}
    for modality in modalities:
        programme_id = f"{id}-{modality.replace('_', '-')}"
        places[programme_id] = random.randint(2, 5)
        programmes.append({
            "id": programme_id, "modality": modality, "age_from_months": 0, "age_under_months": 216,
            "icd10_prefixes": PREFIXES, "catchment": "nation", "course_days": 14,
        })  # fmt: skip
    names = {f"name_{language}": id for language in ("kk", "ru", "en")}
    where = {"region_id": at.region_id, "settlement_id": at.id, "latitude": at.latitude, "longitude": at.longitude}
    return Center(id, {**names, **where, "programmes": programmes}, places)


def first_centers() -> list[Center]:
    """The centers of every run: two in the largest town, equally near to everybody."""
    random, largest = Random(1), towns()
    where = [largest[0], *largest[: CENTERS - 1]]
    return [center(f"center-{number}", at, random, "inpatient", "outpatient") for number, at in enumerate(where, 1)]


def new_center(seed: int, number: int) -> Center:
    """A center that opens in the middle of run `number` of a network."""
    random, all_towns = Random(seed), towns()
    return center(f"opened-{number}-{seed}", random.choice(all_towns[:12]), random, random.choice(WISHES[:2])[0])


def adapt(submission: dict[str, Any], random: Random) -> dict[str, Any]:
    """The submission with wishes that some programme of this country meets, wherever the child lives."""
    return submission | {"modalities": random.choice(WISHES), "max_distance_km": None}


async def open_center(registry: Client, new: Center) -> bool:
    """Register a center and set its figures; False after a finding."""
    if not await put_entry(registry, new, new.entry["programmes"]):
        return False
    return all([await set_places(registry, new.id, name, places) for name, places in new.places.items()])


async def put_entry(registry: Client, one: Center, programmes: Sequence[Any]) -> bool:
    """Put a center's entry with these of its programmes; the others are closed. False after a finding."""
    path = f"/v1/centers/{one.id}"
    return await registry.request("PUT", path, json={**one.entry, "programmes": programmes}) is not None


async def set_places(
    client: Client,
    center_id: str,
    programme_id: str,
    places: int,
    suspended: bool = False,
    *,
    may_be_closed: bool = False,
) -> bool:
    """Set a programme's figure; False after a finding, and where the programme is closed."""
    path = f"/v1/centers/{center_id}/programmes/{programme_id}/places"
    expected = (404,) if may_be_closed else ()
    answer = await client.request("PUT", path, *expected, json={"places": places, "suspended": suspended})
    if answer is None or answer.status_code == 404:
        return False
    client.log.figures[programme_id] = (places, suspended)
    return True


async def register(network: RunningNetwork) -> None:
    """Register the first centers, and wait until capacity has their figures."""
    log, centers = ClientLog(), first_centers()
    async with Client(network, log, "referral", "operator") as registry:
        for one in centers:
            await open_center(registry, one)
    wanted = {name: places for one in centers for name, places in one.places.items()}
    async with Client(network, log, "capacity", "operator") as capacity:

        async def applied() -> bool:
            figures = await capacity.items("/v1/capacity", limit=1000)
            return wanted.items() <= {one["programme_id"]: one["places"] for one in figures}.items()

        await eventually(applied, "capacity has the country's figures", within=60)
    assert not log.findings, log.findings


async def pause(random: Random, longest: float = 0.4) -> None:
    """A person's time between two steps."""
    await asyncio.sleep(random.uniform(0.1, longest))
