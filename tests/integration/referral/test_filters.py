"""Ids in query parameters that do not exist are refused with near matches, in every list."""

import pytest

from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Country, problem, programme_body

UNKNOWN = [
    ("/v1/centers", "region_id", "Almaty", "unknown_region", "did you mean KZ-75, Almaty?"),
    ("/v1/centers", "region_id", "", "unknown_region", "there is no region"),
    ("/v1/forecast", "region", "KZ75", "unknown_region", "did you mean KZ-75, Almaty"),
    ("/v1/forecast", "center_id", "neer", "unknown_center", "did you mean near, The near one?"),
    ("/v1/forecast", "programme_id", "near-1", "unknown_programme", "did you mean near, The near one?"),
    ("/v1/referrals", "center_id", "The near", "unknown_center", "did you mean near, The near one?"),
    ("/v1/referrals", "center_id", "", "unknown_center", "there is no center"),
    ("/v1/referrals", "polyclinic_id", "p-10", "unknown_polyclinic", "did you mean p-1?"),
    ("/v1/referrals", "region_id", "KZ75", "unknown_region", "did you mean KZ-75, Almaty"),
    ("/v1/referrals", "programme_id", "near-1", "unknown_programme", "did you mean near, The near one?"),
    ("/v1/worklists/to-answer", "center_id", "nea", "unknown_center", "did you mean near, The near one?"),
    ("/v1/worklists/escalated", "polyclinic_id", "p-11", "unknown_polyclinic", "did you mean p-1?"),
]


@pytest.fixture
async def small(country: Country) -> Country:
    await country.register("near", programme_body("near", 1), name_en="The near one")
    await country.deliver()
    await country.submit(1, polyclinic_id="p-1")
    return country


async def test_an_id_that_does_not_exist_is_refused_with_near_matches(small: Country, client: Client) -> None:
    operator = client("operator")
    for path, parameter, value, code, words in UNKNOWN:
        answer = await operator.get(path, params={parameter: value})
        assert await problem(answer) == (422, code, [parameter]), path
        assert words in answer.json()["detail"], path
    both = await operator.get("/v1/referrals", params={"center_id": "x", "polyclinic_id": "y"})
    assert (await problem(both))[2] == ["center_id", "polyclinic_id"]


async def test_ids_that_exist_narrow_the_list_also_to_nothing(small: Country, client: Client) -> None:
    operator = client("operator")
    for path, found in (
        ("/v1/centers?region_id=KZ-10", 1), ("/v1/centers?region_id=KZ-75", 0), ("/v1/forecast?programme_id=near", 1),
        ("/v1/forecast?center_id=near&region=KZ-75", 0), ("/v1/referrals?polyclinic_id=p-1&center_id=near", 1),
        ("/v1/worklists/to-answer?center_id=near&polyclinic_id=p-1", 1), ("/v1/worklists/in-care?center_id=near", 0),
    ):  # fmt: skip
        answer = await operator.get(path)
        assert (answer.status_code, len(answer.json().get("items", ()))) == (200, found), path


async def test_before_the_first_referral_no_polyclinic_is_unknown(country: Country, client: Client) -> None:
    answer = await client("operator").get("/v1/referrals", params={"polyclinic_id": "demo-polyclinic"})
    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_a_refusal_names_no_polyclinic_that_the_asker_may_not_see(small: Country, client: Client) -> None:
    await small.submit(2, polyclinic_id="p-2")
    mine, new, center = client("polyclinic", org="p-2"), client("polyclinic", org="p-3"), client("center", org="near")
    answer = await mine.get("/v1/referrals?polyclinic_id=p-1")
    assert (answer.status_code, "p-1" in answer.text) == (422, False)
    assert (await new.get("/v1/referrals?polyclinic_id=p-3")).json()["items"] == [], "its first is still to come"
    answer = await center.get("/v1/referrals?polyclinic_id=p-2")
    assert "did you mean p-1?" in answer.json()["detail"], "the only one of which it has an offer"


async def test_a_center_that_does_not_exist_is_not_found_with_near_matches(small: Country, client: Client) -> None:
    answer = await client("operator").get("/v1/centers/neer")
    assert (answer.status_code, "did you mean near, The near one?" in answer.json()["detail"]) == (404, True)
