"""All of the organization's work or one's own: the filter of lists and tiles, kept in the address."""

import re
from typing import Any

import httpx2
import pytest

from services.local.issuer import issue_token
from tests.integration.console.conftest import NewBrowser
from tests.support.children import submissions
from tests.support.console import Browser
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

pytestmark = pytest.mark.timeout(600)
POLYCLINIC, ME = "demo-polyclinic", "local-polyclinic"
"""Who signs in at a local console as a polyclinic has this subject."""


def call(country: RunningNetwork, service: str, path: str, roles: list[str], org: str, subject: str = "") -> Any:
    headers = {"Authorization": f"Bearer {issue_token(country.home, roles, org, subject)}"}
    answer = httpx2.get(f"{country.url(service)}{path}", headers=headers, timeout=20).raise_for_status()
    return answer.json()["items"]


@pytest.fixture(scope="module")
def children(country: RunningNetwork) -> dict[str, str]:
    """Two referrals of one polyclinic: what the reader sent (`mine`), and what a colleague did (`colleagues`)."""
    found = {}
    for body, (name, subject) in zip(submissions(2, seed=91), (("mine", ME), ("colleagues", "asel")), strict=True):
        sent = body | {"settlement_id": "1526273", "modalities": ["inpatient"]}
        headers = {"Authorization": f"Bearer {issue_token(country.home, ['polyclinic'], POLYCLINIC, subject)}"}
        answer = httpx2.post(f"{country.url('intake')}/v1/diagnoses", json=sent, headers=headers).raise_for_status()
        found[name] = str(answer.json()["referral_id"])
    path = "/v1/referrals?limit=100"
    wait_until(
        lambda: {*found.values()} <= {one["id"] for one in call(country, "referral", path, ["operator"], "")},
        "both are routed",
    )
    return found


def shown(page: str) -> set[str]:
    """The ids of the children in the rows of a page."""
    return set(re.findall(r'id="r-([0-9a-f-]{36})"', page))


def tile(page: str, address: str) -> int:
    found = re.search(rf'href="{re.escape(address)}">\s*<span class="app-tile__count">(\d+)', page)
    assert found, f"no tile leads to {address}"
    return int(found[1])


@pytest.fixture
def nurse(browser: Browser) -> Browser:
    browser.sign_in("polyclinic", POLYCLINIC)
    return browser


def test_a_list_has_all_of_the_organization_or_ones_own(nurse: Browser, children: dict[str, str]) -> None:
    everybody, mine = nurse.get("/referrals").text, nurse.get("/referrals?mine=1").text
    assert shown(everybody) >= {*children.values()}
    assert children["mine"] in shown(mine)
    assert children["colleagues"] not in shown(mine), "a colleague's child is not mine"
    assert 'href="/referrals?mine=1"' in everybody, "a link leads to one's own"
    assert 'href="/referrals"' in mine, "and one back"
    assert '<input type="hidden" name="mine" value="1">' in mine, "the filter of states keeps the choice"


def test_tiles_count_the_same_and_lead_there(nurse: Browser, children: dict[str, str]) -> None:
    everybody, mine = nurse.get("/").text, nurse.get("/?mine=1").text
    assert tile(everybody, "/referrals?status=offered") > tile(mine, "/referrals?status=offered&amp;mine=1") >= 1
    counted = tile(mine, "/referrals?status=offered&amp;mine=1")
    assert len(shown(nurse.get("/referrals?status=offered&mine=1").text)) == counted


def test_a_coordinator_has_what_she_opened(
    new_browser: NewBrowser, country: RunningNetwork, children: dict[str, str]
) -> None:
    story = httpx2.get(
        f"{country.url('referral')}/v1/referrals/{children['mine']}", headers=country.headers("operator")
    ).json()
    browser = new_browser()
    browser.sign_in("center", story["center_id"])
    assert children["mine"] not in shown(browser.get("/inbox?mine=1").text), "nobody has opened it yet"
    browser.get(f"/inbox/{children['mine']}")
    opened = shown(browser.get("/inbox?mine=1").text)
    assert children["mine"] in opened, "whoever opens an offer has it"
    assert tile(browser.get("/?mine=1").text, "/inbox?mine=1") == len(opened)
    assert 'href="/weeks"' in browser.get("/weeks?mine=1").text, "a link leads back to all of the center"
