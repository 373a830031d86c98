"""`/v1/centers`: the registry, its rules, and that the same entry twice is one."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2

from services.contracts.events import CenterRegisteredV1
from services.kit.http.app import LARGEST
from tests.integration.referral.country import Country, center_body, problem, programme_body

Client = Callable[..., httpx2.AsyncClient]
NEAR = center_body(programme_body("near-day", 3), programme_body("near-home", 2, modality="home_care"))


async def put(client: httpx2.AsyncClient, id: str = "near", body: dict[str, Any] = NEAR) -> dict[str, Any]:
    answer = await client.put(f"/v1/centers/{id}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_center_that_is_put_opens_and_is_found(
    country: Country, operator: httpx2.AsyncClient, client: Client
) -> None:
    entry = await put(operator)
    assert (entry["id"], entry["version"], len(entry["programmes"])) == ("near", 1, 2)
    assert {name: entry[name] for name in NEAR} == NEAR | {"programmes": entry["programmes"]}
    assert entry["programmes"] == [one | {"suspended": False} for one in NEAR["programmes"]]
    await country.carry()
    assert await country.figures() == {"near-day": (3, 0, 0), "near-home": (2, 0, 0)}
    read = await client("polyclinic", org="p1").get("/v1/centers/near")
    assert (read.json(), read.headers["etag"]) == (entry, '"1"')


async def test_the_same_entry_again_changes_nothing(country: Country, operator: httpx2.AsyncClient) -> None:
    first = await put(operator)
    assert len(await country.told()) == 1
    assert await put(operator) == first
    assert await country.told() == []


async def test_a_changed_entry_is_a_new_version_with_its_event(country: Country, operator: httpx2.AsyncClient) -> None:
    await put(operator)
    changed = await put(operator, body=NEAR | {"name_en": "Another name"})
    assert changed["version"] == 2
    told = [one.data for one in await country.told()]
    assert told == [CenterRegisteredV1(center_id="near", version=1), CenterRegisteredV1(center_id="near", version=2)]


async def test_a_programme_left_out_stays_and_leaves_the_entry_idempotent(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    await put(operator)
    fewer = NEAR | {"programmes": NEAR["programmes"][:1]}
    for _ in range(2):
        entry = await put(operator, body=fewer)
        assert (entry["version"], [one["id"] for one in entry["programmes"]]) == (1, ["near-day", "near-home"])


async def test_an_entry_does_not_take_back_a_figure_that_the_center_has_set(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    """The center's figure is on its way from capacity while an operator corrects the name."""
    await put(operator)
    await country.carry()
    country.clock.now = datetime.now(UTC)
    await country.set_places("near-day", 9)
    await put(operator, body=NEAR | {"name_en": "Another name"})
    await country.carry()
    assert (await country.figures())["near-day"][0] == 9
    entry = (await operator.get("/v1/centers/near")).json()
    assert [one["places"] for one in entry["programmes"]] == [9, 2]


async def test_only_an_operator_may_register(client: Client) -> None:
    for role in ("center", "polyclinic", "service"):
        answer = await client(role, org="near").put("/v1/centers/near", json=NEAR)
        assert (await problem(answer))[:2] == (403, "forbidden")


async def test_an_unknown_center_is_not_found(client: Client) -> None:
    assert (await problem(await client("operator").get("/v1/centers/nowhere")))[:2] == (404, "center_not_found")


def day(**changes: Any) -> dict[str, Any]:
    return center_body(programme_body("near-day") | changes)


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("near", NEAR | {"settlement_id": "atlantis"}, "unknown_settlement", "settlement_id"),
    ("near", NEAR | {"region_id": "KZ-71"}, "wrong_region", "region_id"),
    ("near", NEAR | {"latitude": 91}, "validation_failed", "latitude"),
    ("near", NEAR | {"name_kk": " "}, "validation_failed", "name_kk"),
    ("near", NEAR | {"name_ru": "a\x00"}, "validation_failed", "name_ru"),
    ("near", NEAR | {"color": "red"}, "validation_failed", "color"),
    ("NEAR!", NEAR, "validation_failed", "path.center_id"),
    ("near", day(age_under_months=217), "validation_failed", "programmes.0.age_under_months"),
    ("near", day(age_from_months=216), "validation_failed", "programmes.0"),
    ("near", day(icd10_prefixes=[]), "validation_failed", "programmes.0.icd10_prefixes"),
    ("near", day(icd10_prefixes=["g80"]), "validation_failed", "programmes.0.icd10_prefixes.0"),
    ("near", day(modality="spa"), "validation_failed", "programmes.0.modality"),
    ("near", day(places=-1), "validation_failed", "programmes.0.places"),
    ("near", day(course_days=0), "validation_failed", "programmes.0.course_days"),
    ("near", center_body(programme_body("a"), programme_body("a")), "repeated", "programmes"),
    ("near", center_body(programme_body("far-day")), "taken", "programmes.0.id"),
]


async def test_an_entry_that_breaks_a_rule_is_refused_by_field_and_leaves_nothing(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    await country.register("far", programme_body("far-day"), settlement="far")
    await country.told()
    for id, body, code, field in REFUSED:
        assert await problem(await operator.put(f"/v1/centers/{id}", json=body)) == (422, code, [field])
    assert [one["id"] for one in (await operator.get("/v1/centers")).json()["items"]] == ["far"]
    assert await country.told() == []


async def test_centers_are_listed_by_id_and_by_region(country: Country, operator: httpx2.AsyncClient) -> None:
    for number in range(5):
        await country.register(f"c-{number}", settlement="far" if number == 3 else "near")
    first = (await operator.get("/v1/centers", params={"limit": 3})).json()
    rest = (await operator.get("/v1/centers", params={"limit": 3, "cursor": first["next"]})).json()
    assert [[one["id"] for one in page["items"]] for page in (first, rest)] == [["c-0", "c-1", "c-2"], ["c-3", "c-4"]]
    assert rest["next"] is None
    there = (await operator.get("/v1/centers", params={"region_id": "KZ-71"})).json()
    assert [one["id"] for one in there["items"]] == ["c-3"]


async def test_an_entry_of_any_size_is_not_read(operator: httpx2.AsyncClient) -> None:
    answer = await operator.put("/v1/centers/near", json=NEAR | {"name_kk": "x" * LARGEST})
    assert await problem(answer) == (413, "too_large", [])
