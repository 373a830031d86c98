"""`/v1/centers`: the registry, preconditions, and the figures of places."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from services.contracts.events import CenterRegisteredV1
from services.contracts.vocabulary import ReferralState
from services.kit.http.routes import BODY
from services.referral.domain.life import Command
from tests.integration.referral.country import Country, center_body, offers, problem, programme_body
from tests.integration.referral.entries import NEAR, PLACES, put

S = ReferralState
Client = Callable[..., httpx2.AsyncClient]


async def test_a_center_that_is_put_opens_and_is_found(
    country: Country, operator: httpx2.AsyncClient, client: Client
) -> None:
    entry = await put(operator)
    assert entry == NEAR | {"id": "near", "version": 1}
    await country.deliver()
    assert await country.figures() == {"near-day": (0, 0, 0), "near-home": (0, 0, 0)}
    read = await client("polyclinic", org="p1").get("/v1/centers/near")
    assert (read.json(), read.headers["etag"]) == (entry, '"1"')


async def test_who_has_the_centers_of_this_version_gets_them_not_again(operator: httpx2.AsyncClient) -> None:
    async def read(*known: str, **query: str) -> tuple[int, str, list[str]]:
        headers = [("If-None-Match", one) for one in known]
        answer = await operator.get("/v1/centers", headers=headers, params=query)
        items = answer.json()["items"] if answer.content else []
        return answer.status_code, answer.headers["etag"], [one["name_en"] for one in items]

    assert await read() == (200, '"0"', [])
    await put(operator)
    status, version, names = await read('"0"')
    assert (status, names) == (200, [NEAR["name_en"]])
    assert await read(version) == (304, version, [])
    assert await read('W/"17"', version) == (304, version, [])
    await put(operator, body=NEAR | {"name_en": "Another name"})
    status, changed, names = await read(version)
    assert (status, names) == (200, ["Another name"])
    assert changed != version, "the entry is another one"
    assert await read(region_id="KZ-39") == (200, changed, []), "pages of one version are kept apart"


@pytest.mark.parametrize("name", ["Ә", "Центр «Жан» № 7", "O'Neil", "مركز", "a\u200db", "N" * 300])
async def test_a_name_stays_as_it_is(operator: httpx2.AsyncClient, name: str) -> None:
    names = {"name_kk": name, "name_ru": name, "name_en": name}
    assert (await put(operator, body=NEAR | names)).items() >= names.items()


async def test_the_same_entry_again_changes_nothing(country: Country, operator: httpx2.AsyncClient) -> None:
    first = await put(operator)
    assert len(await country.own_events()) == 1
    assert await put(operator) == first
    assert await country.own_events() == []


async def test_a_changed_entry_is_a_new_version_with_its_event(country: Country, operator: httpx2.AsyncClient) -> None:
    await put(operator)
    changed = await put(operator, body=NEAR | {"name_en": "Another name"})
    assert changed["version"] == 2
    events = [one.data for one in await country.own_events()]
    assert events == [CenterRegisteredV1(center_id="near", version=1), CenterRegisteredV1(center_id="near", version=2)]


async def test_a_programme_left_out_is_closed_and_its_queue_reviewed(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    await country.register("far", programme_body("far-day", 0), settlement="far")
    await country.register("near", programme_body("near-day", 1), programme_body("near-home", modality="home_care"))
    await country.deliver()
    await country.submit(1, 2)
    fewer = await put(operator, body=NEAR | {"programmes": NEAR["programmes"][1:]})
    assert (fewer["version"], [one["id"] for one in fewer["programmes"]]) == (2, ["near-home"])
    await country.deliver()
    assert await country.where(1) == (S.OFFERED, "near-day"), "who has a place keeps it"
    assert (await country.figures())["near-day"] == (0, 1, 1)
    assert await country.pass_time(seconds=1) == {Command.REVIEW: 1}
    await country.deliver()
    assert (await country.queue("near-day"), await country.queue("far-day")) == ([], [2])
    await country.submit(3)
    decision = (await country.story(3)).decision
    assert decision
    assert [one.programme_id for one in decision.candidates] == ["far-day"]
    gone = await operator.put(PLACES, json={"places": 1})
    assert await problem(gone) == (404, "unknown_programme", [])


async def test_a_place_handed_over_at_a_programme_that_closed_goes_back_and_the_child_is_routed_anew(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    await country.register("far", programme_body("far-day", 0), settlement="far")
    await country.register("near", programme_body("near-day", 0))
    await country.deliver()
    await country.submit(1)
    await country.set_places("near-day", 1)
    handed = await country.capacity_events()
    await put(operator, body=NEAR | {"programmes": NEAR["programmes"][1:]})
    await country.handle(handed)
    assert (await country.story(1)).history[-1].command == "review"
    await country.deliver()
    assert await country.queue("far-day") == [1]
    assert (await country.figures())["near-day"] == (0, 0, 0)


async def test_a_closed_programme_opens_again_for_the_children_it_accepts(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    await country.open("near-day", places=1)
    closed = center_body(settlement="near")
    await put(operator, "near-day", closed)
    await country.deliver()
    await country.submit(1)
    assert (await country.where(1))[0] is S.UNPLACEABLE
    await put(operator, "near-day", center_body(programme_body("near-day")))
    assert offers(await country.deliver()) == [(1, "near-day")]


async def test_a_center_sets_confirms_suspends_and_resumes_its_figure(
    country: Country, operator: httpx2.AsyncClient, client: Client
) -> None:
    await put(operator)
    near = client("center", org="near")
    assert await problem(await near.get(PLACES)) == (404, "no_figure", [])
    first = await near.put(PLACES, json={"places": 3})
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    shown = first.json()
    assert (shown["places"], shown["suspended"], shown["confirmed_by"]) == (3, False, "center:near/center-1")
    suspended = (await near.put(PLACES, json={"places": 3, "suspended": True})).json()
    confirmed = (await near.put(PLACES, json={"places": 3})).json()
    assert (suspended["suspended"], confirmed["suspended"], confirmed["version"]) == (True, True, 3)
    assert confirmed["confirmed_at"] > suspended["confirmed_at"]
    await country.deliver()
    assert (await country.figures())["near-day"] == (3, 0, 0)
    by_operator = (await operator.put(PLACES, json={"places": 2, "suspended": False})).json()
    assert by_operator["confirmed_by"] == "operator:operator-1"
    seen = (await client("polyclinic", org="p1").get(PLACES)).json()
    assert seen == by_operator | {"confirmed_by": "operator"}, "a person is named to its own organization and operators"


async def test_a_figure_is_its_own_centers_or_an_operators(operator: httpx2.AsyncClient, client: Client) -> None:
    await put(operator)
    for role, org, expected in (
        ("center", "far", (403, "forbidden")), ("center", "", (403, "forbidden")),
        ("polyclinic", "near", (403, "forbidden")), ("referral-api", "", (403, "forbidden")),
    ):  # fmt: skip
        assert (await problem(await client(role, org=org).put(PLACES, json={"places": 1})))[:2] == expected, role
    assert (await problem(await client().put(PLACES, json={"places": 1})))[:2] == (401, "unauthorized")
    for url in ("/v1/centers/near/programmes/other/places", "/v1/centers/far/programmes/near-day/places"):
        assert await problem(await operator.put(url, json={"places": 1})) == (404, "unknown_programme", [])
        assert await problem(await operator.get(url)) == (404, "unknown_programme", [])


async def test_a_strange_figure_is_refused_by_field(operator: httpx2.AsyncClient) -> None:
    await put(operator)
    for body, field in (
        ({}, "places"), ({"places": -1}, "places"), ({"places": 100_001}, "places"), ({"places": "many"}, "places"),
        ({"places": True}, "places"), ({"places": "3"}, "places"), ({"places": 3.0}, "places"),
        ({"places": 1, "suspended": "yes"}, "suspended"), ({"places": 1, "suspended": 1}, "suspended"),
        ({"places": 1, "suspended": "perhaps"}, "suspended"), ({"places": 1, "version": 1}, "version"),
    ):  # fmt: skip
        assert await problem(await operator.put(PLACES, json=body)) == (422, "validation_failed", [field]), body


async def test_only_an_operator_may_register(client: Client) -> None:
    for role in ("center", "polyclinic", "referral-api"):
        answer = await client(role, org="near").put("/v1/centers/near", json=NEAR)
        assert (await problem(answer))[:2] == (403, "forbidden")


async def test_an_unknown_center_is_not_found(client: Client) -> None:
    assert (await problem(await client("operator").get("/v1/centers/nowhere")))[:2] == (404, "center_not_found")


def day(**changes: Any) -> dict[str, Any]:
    return center_body(programme_body("near-day") | changes)


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("near", NEAR | {"settlement_id": "atlantis"}, "unknown_settlement", "settlement_id"),
    ("near", NEAR | {"region_id": "KZ-71"}, "wrong_region", "region_id"),
    ("near", NEAR | {"latitude": NEAR["longitude"], "longitude": NEAR["latitude"]}, "swapped_coordinates", "latitude"),
    ("near", NEAR | {"latitude": 0, "longitude": 0}, "zero_coordinates", "latitude"),
    ("near", NEAR | {"latitude": NEAR["latitude"] + 1}, "far_from_settlement", "latitude"),
    ("near", NEAR | {"latitude": 91}, "validation_failed", "latitude"),
    ("near", NEAR | {"name_kk": " "}, "validation_failed", "name_kk"),
    ("near", NEAR | {"name_ru": "a\x00"}, "validation_failed", "name_ru"),
    *(
        ("near", NEAR | {field: name}, "validation_failed", field)
        for field in ("name_kk", "name_ru", "name_en")
        for name in ("\u200b\u200b", "\x1b[31mX", "a\nb", "a\tb", "a\x7f", "a\x85b", "\u3164", "\u0301", "\ufeff")
    ),
    ("near", NEAR | {"color": "red"}, "validation_failed", "color"),
    ("NEAR!", NEAR, "validation_failed", "center_id"),
    ("near", day(age_under_months=217), "validation_failed", "programmes.0.age_under_months"),
    ("near", day(age_from_months=216), "validation_failed", "programmes.0"),
    ("near", day(icd10_prefixes=[]), "validation_failed", "programmes.0.icd10_prefixes"),
    ("near", day(icd10_prefixes=["g80"]), "validation_failed", "programmes.0.icd10_prefixes.0"),
    ("near", day(modality="spa"), "validation_failed", "programmes.0.modality"),
    (
        "near",
        NEAR | {"programmes": [NEAR["programmes"][0] | {"places": 3}]},
        "validation_failed",
        "programmes.0.places",
    ),
    ("near", day(course_days=0), "validation_failed", "programmes.0.course_days"),
    ("near", day(course_days=True), "validation_failed", "programmes.0.course_days"),
    ("near", day(age_from_months="3"), "validation_failed", "programmes.0.age_from_months"),
    ("near", day(age_under_months=True), "validation_failed", "programmes.0.age_under_months"),
    ("near", NEAR | {"latitude": True}, "validation_failed", "latitude"),
    ("near", NEAR | {"longitude": "76.9"}, "validation_failed", "longitude"),
    ("near", NEAR | {"version": True}, "validation_failed", "version"),
    ("near", center_body(programme_body("a"), programme_body("a")), "repeated", "programmes"),
    ("near", center_body(programme_body("far-day")), "taken", "programmes.0.id"),
]


async def test_an_entry_that_breaks_a_rule_is_refused_by_field_and_leaves_nothing(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    await country.register("far", programme_body("far-day"), settlement="far")
    await country.own_events()
    for id, body, code, field in REFUSED:
        assert await problem(await operator.put(f"/v1/centers/{id}", json=body)) == (422, code, [field])
    assert [one["id"] for one in (await operator.get("/v1/centers")).json()["items"]] == ["far"]
    assert await country.own_events() == []


async def test_centers_are_listed_by_id_and_by_region(country: Country, operator: httpx2.AsyncClient) -> None:
    for number in range(5):
        await country.register(f"c-{number}", settlement="far" if number == 3 else "near")
    first = (await operator.get("/v1/centers", params={"limit": 3})).json()
    rest = (await operator.get("/v1/centers", params={"limit": 3, "cursor": first["next"]})).json()
    assert [[one["id"] for one in page["items"]] for page in (first, rest)] == [["c-0", "c-1", "c-2"], ["c-3", "c-4"]]
    assert rest["next"] is None
    there = (await operator.get("/v1/centers", params={"region_id": "KZ-71"})).json()
    assert [one["id"] for one in there["items"]] == ["c-3"]


async def test_a_large_entry_is_not_read_and_nothing_of_it_without_a_token(
    operator: httpx2.AsyncClient, client: Client
) -> None:
    large = NEAR | {"name_kk": "x" * BODY}
    assert await problem(await operator.put("/v1/centers/near", json=large)) == (413, "too_large", [])
    assert await problem(await client().put("/v1/centers/near", json=large)) == (401, "unauthorized", [])
    assert await problem(await client("center").put("/v1/centers/near", json=large)) == (403, "forbidden", [])


async def test_a_centers_phone_and_address_may_be_left_out_and_taken_away(operator: httpx2.AsyncClient) -> None:
    known = await put(operator)
    assert (known["phone"], known["address"]) == ("+7 (7172) 12-34-56", "Abay avenue 1")
    bare = await put(operator, body={name: NEAR[name] for name in NEAR.keys() - {"phone", "address"}})
    assert (bare["phone"], bare["address"], bare["version"]) == (None, None, 2)
    assert await put(operator, body=bare) == bare, "what was shown can be put back"


@pytest.mark.parametrize(
    "phone", ["", "call us", "12", "+7 (7172) 12-34-56, 12-34-57", "1" * 41, "<script>", "+7\n7172123456"]
)
async def test_what_nobody_can_call_is_refused(operator: httpx2.AsyncClient, phone: str) -> None:
    answer = await operator.put("/v1/centers/near", json=NEAR | {"phone": phone})
    assert (await problem(answer))[0::2] == (422, ["phone"])


async def test_an_address_in_which_nothing_can_be_seen_is_refused(operator: httpx2.AsyncClient) -> None:
    for address in ("", "\u200b", "a\nb", "x" * 301):
        answer = await operator.put("/v1/centers/near", json=NEAR | {"address": address})
        assert (await problem(answer))[0::2] == (422, ["address"]), address


async def test_an_offer_says_how_to_call_its_center(country: Country, client: Client) -> None:
    await country.register("near", programme_body("near"), phone="+7 7172 123456", address="Abay avenue 1")
    await country.deliver()
    await country.submit(1)
    story = (await client("polyclinic", org="p1").get("/v1/referrals/00000000-0000-0000-0000-000000000001")).json()
    assert (story["offers"][0]["center_phone"], story["offers"][0]["center_address"]) == (
        "+7 7172 123456",
        "Abay avenue 1",
    )
