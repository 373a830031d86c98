"""Whom to call: a center's phone and address on every page that names it to those who need them."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.integration.console.conftest import NewBrowser
from tests.support.children import submissions
from tests.support.network import RunningNetwork
from tests.support.offers import make_offered

pytestmark = pytest.mark.timeout(600)
POLYCLINIC, CENTER = "demo-polyclinic", "nccr-astana"
PHONE, CALLED, ADDRESS = "+7 (7172) 12-34-56", "tel:+77172123456", "Made-up street 1"


@pytest.fixture(scope="module")
def center(country: RunningNetwork) -> Iterator[dict[str, Any]]:
    """The center with a made-up phone and address; as it was afterwards."""
    url, headers = f"{country.url('referral')}/v1/centers/{CENTER}", country.headers("operator")
    before = httpx2.get(url, headers=headers).raise_for_status().json()
    assert (before["phone"], before["address"]) == (None, None), "no seed gives any"
    changed = before | {"phone": PHONE, "address": ADDRESS, "version": None}
    yield httpx2.put(url, json=changed, headers=headers).raise_for_status().json()
    httpx2.put(url, json=before | {"version": None}, headers=headers).raise_for_status()


@pytest.fixture(scope="module")
def offered(country: RunningNetwork, center: dict[str, Any]) -> dict[str, Any]:
    story = make_offered(country, POLYCLINIC, seed=93, settlement_id="1526273", modalities=["inpatient"])
    assert story["center_id"] == center["id"]
    return {"id": story["id"], "born": submissions(1, seed=93)[0]["child"]["birth_date"]}


def test_the_nurse_and_the_operator_see_how_to_call_the_center(
    new_browser: NewBrowser, offered: dict[str, Any]
) -> None:
    nurse, operator = new_browser(), new_browser()
    nurse.sign_in("polyclinic", POLYCLINIC)
    operator.sign_in("operator")
    referral = f"/referrals/{offered['id']}"
    for browser, path in (
        (nurse, referral),
        (nurse, f"{referral}/paper"),
        (nurse, f"{referral}/why"),
        (operator, f"/children/{offered['id']}"),
    ):
        page = browser.get(path).text
        assert f'href="{CALLED}">{PHONE}</a>' in page, path
        assert ADDRESS in page, path


def test_the_family_sees_whom_to_call(
    new_browser: NewBrowser, country: RunningNetwork, offered: dict[str, Any]
) -> None:
    path = f"{country.url('intake')}/v1/diagnoses/{offered['id']}/family-code"
    code = httpx2.get(path, headers=country.headers("polyclinic", POLYCLINIC)).raise_for_status().json()["code"]
    year, month, day = offered["born"].split("-")
    told = new_browser().submit("/family", code=code, day=day, month=month, year=year).text
    assert f'href="{CALLED}">{PHONE}</a>, {ADDRESS}' in told.partition("Whom to call")[2]


def test_where_nothing_is_known_nothing_stands(new_browser: NewBrowser, country: RunningNetwork) -> None:
    found = httpx2.get(f"{country.url('referral')}/v1/centers?limit=500", headers=country.headers("operator")).json()
    assert {one["phone"] for one in found["items"] if one["id"] != CENTER} == {None}, "none is invented"


def test_a_polyclinic_has_its_name_where_the_network_knows_it(new_browser: NewBrowser, offered: dict[str, Any]) -> None:
    operator = new_browser()
    operator.sign_in("operator")
    assert "Demo polyclinic" in operator.get(f"/children/{offered['id']}").text
