"""A referral is found by the number on its paper: by a nurse, a coordinator and an operator."""

import re
from typing import Any

import pytest

from services.console.words.i18n import read_words
from services.contracts.vocabulary import Language
from tests.integration.console.conftest import NewBrowser
from tests.support.network import RunningNetwork
from tests.support.offers import make_offered

pytestmark = pytest.mark.timeout(600)
POLYCLINIC = "demo-polyclinic"


@pytest.fixture(scope="module")
def offered(country: RunningNetwork) -> dict[str, Any]:
    """A referral that is offered to a center."""
    return make_offered(country, POLYCLINIC, seed=92, settlement_id="1526273", modalities=["inpatient"])


def test_everybody_finds_it_by_the_number_on_the_paper(new_browser: NewBrowser, offered: dict[str, Any]) -> None:
    nurse, coordinator, operator = (new_browser() for _ in range(3))
    nurse.sign_in("polyclinic", POLYCLINIC)
    coordinator.sign_in("center", offered["center_id"])
    operator.sign_in("operator")
    paper = nurse.get(f"/referrals/{offered['id']}/paper").text
    found = re.search(r'app-sheet__number">(№ [0-9A-F]{6}) ', paper)
    assert found, "the paper has a number at its top"
    kazakh = read_words()[Language.KAZAKH].gettext("Demo polyclinic")
    assert kazakh in nurse.get(f"/referrals/{offered['id']}/paper?language=kk").text, "the paper's own language"
    printed = found[1]
    typed = printed.lower().replace("a", "а").replace("e", "е")  # Cyrillic ones
    for browser, place in ((nurse, "/referrals"), (coordinator, "/inbox"), (operator, "/children")):
        for number in (printed, typed, f"{printed[2:5]} {printed[5:]}"):
            answer = browser.get("/number", params={"number": number})
            assert (answer.status_code, answer.headers.get("Location")) == (303, f"{place}/{offered['id']}"), number
    answer = nurse.submit("/referrals", wanted=typed)
    assert answer.headers.get("Location") == f"/referrals/{offered['id']}", "in the search of the list"


def test_the_audit_logs_are_searched_by_the_number_on_the_paper(
    new_browser: NewBrowser, offered: dict[str, Any]
) -> None:
    operator, printed = new_browser(), f"№ {offered['id'][-6:].upper()}"
    operator.sign_in("operator")
    for log, act in (("referral", "Way of a referral read"), ("intake", "Referral submitted")):
        page = operator.get("/audit-log", params={"log": log, "about": printed}).text
        assert f"Shown: Referral {printed}." in page, log
        assert act in page, log
        whole = operator.get("/audit-log", params={"log": log, "about": offered["id"]}).text
        assert f"Shown: Referral {printed}." in whole, "a whole id is told as people know it"
    unknown = operator.get("/audit-log", params={"about": "№ 00000F"})
    assert (unknown.status_code, "No referral has this number" in unknown.text) == (422, True)
    assert "app-row__title" not in unknown.text, "not everybody's entries"


def test_a_number_of_nobody_and_what_is_no_number_are_told_apart(
    new_browser: NewBrowser, offered: dict[str, Any]
) -> None:
    other = new_browser()
    other.sign_in("polyclinic", "second-polyclinic")
    for number, text in (
        (offered["id"][-6:], "You have no referral with this number"),
        ("12", "A number has six signs"),
    ):
        answer = other.get("/number", params={"number": number})
        assert (answer.status_code, text in answer.text) == (422, True), number
    assert other.get("/number").status_code == 200, "nothing is wrong with an empty form"


@pytest.mark.parametrize(
    ("role", "pages"), [("center", ["/inbox", "/weeks"]), ("operator", ["/", "/children", "/escalated"])]
)
def test_the_search_stands_on_the_lists(
    new_browser: NewBrowser, offered: dict[str, Any], role: str, pages: list[str]
) -> None:
    browser = new_browser()
    browser.sign_in(role, offered["center_id"] if role == "center" else "")
    for page in pages:
        assert 'action="/number"' in browser.get(page).text, page
