"""A coordinator's pages over the whole network: offers, a child, the calendar and places."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.contracts.days import day_of
from tests.integration.console.conftest import NewBrowser
from tests.support.children import POLYCLINIC, submissions
from tests.support.console import Browser, first_form
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

pytestmark = pytest.mark.timeout(600)
ASTANA, CENTER = "1526273", "nccr-astana"
"""All of these children live where this center is."""
CHILDREN, TAKEN = 20, 12
TODAY = day_of(datetime.now(UTC))


@dataclass
class Office:
    """A center with offers; each test takes its own children."""

    country: RunningNetwork
    center: str
    offers: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, service: str, path: str, role: str = "center", **more: Any) -> Any:
        org = {"center": self.center, "polyclinic": POLYCLINIC}.get(role, "")
        url, headers = self.country.url(service) + path, self.country.headers(role, org)
        return httpx2.get(url, headers=headers, timeout=20, **more).raise_for_status().json()

    def story(self, referral_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("referral", f"/v1/referrals/{referral_id}", "operator")
        return found

    def take(self) -> str:
        """The id of an offer that no test has."""
        return str(self.offers.pop(0)["id"])


@pytest.fixture(scope="module")
def office(country: RunningNetwork) -> Office:
    headers = country.headers("polyclinic", POLYCLINIC)
    for body in submissions(CHILDREN, seed=77):
        sent = body | {"settlement_id": ASTANA, "modalities": ["inpatient"]}
        httpx2.post(f"{country.url('intake')}/v1/diagnoses", json=sent, headers=headers).raise_for_status()
    url, offered = f"{country.url('referral')}/v1/referrals?status=offered&limit=100", list[dict[str, Any]]()

    def routed() -> bool:
        found = httpx2.get(url, headers=headers).json()["items"]
        offered[:] = [one for one in found if one["center_id"] == CENTER]
        return len(offered) >= TAKEN

    wait_until(routed, f"{CENTER} has {TAKEN} offers")
    return Office(country, CENTER, offered)


@pytest.fixture
def coordinator(office: Office, new_browser: NewBrowser) -> Any:
    """A coordinator of the center in a browser of its own."""

    def sit_down() -> Browser:
        browser = new_browser()
        browser.sign_in("center", office.center)
        return browser

    return sit_down


def form(page: str, act: str) -> dict[str, str]:
    """The hidden fields of the form of `act`, and its address under the empty name."""
    found = re.search(rf'<form[^>]*action="([^"]*/{act})"[^>]*>(.*?)</form>', page, re.S)
    assert found, f"the page has a form of {act}"
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', found[2])) | {"": found[1]}


def send(browser: Browser, page: str, act: str, **fields: str) -> httpx2.Response:
    """Send the form of `act` of a page that was loaded before."""
    hidden = form(page, act)
    typed = {f"{act}-{name}": value for name, value in fields.items()}
    return browser.http.post(hidden.pop(""), data=hidden | typed)


def test_the_inbox_has_urgent_children_first_and_no_child_by_name(office: Office, coordinator: Any) -> None:
    page = coordinator().get("/inbox").text
    listed = re.findall(r'href="/inbox/([0-9a-f-]{36})"', page)
    offers = office.ask("referral", "/v1/worklists/to-answer?limit=200")["items"]
    priority = {one["id"]: one["priority"] for one in offers}
    found = [priority[id] for id in listed]
    assert len(found) >= TAKEN, "the offers are listed"
    assert found == sorted(found, key=["urgent", "high", "routine"].index)
    name = office.ask("intake", f"/v1/diagnoses/{listed[0]}")["child"]["full_name"]
    assert name not in page


def test_opening_a_child_marks_the_offer_as_seen_and_its_reading_is_recorded_as_treatment(
    office: Office, coordinator: Any
) -> None:
    id, browser = office.take(), coordinator()
    assert office.story(id)["offers"][-1]["state"] == "made"
    page = browser.get(f"/inbox/{id}").text
    record = office.ask("intake", f"/v1/diagnoses/{id}")
    assert record["child"]["full_name"] in page
    assert record["guardian"]["phone"] in page
    phone = page.index("Phone of the mother, father or guardian")
    assert page.index("Mother, father or guardian") < phone < page.index("Referred by"), "whose phone it is"
    assert page.index("Summary") < page.index("Accept the child"), "the summary stands before the buttons"
    assert office.story(id)["offers"][-1]["state"] == "seen"
    entries = office.ask("intake", f"/v1/audit-log?about={id}&limit=100", "operator")["items"]
    reads = [one for one in entries if one["act"] == "read_diagnosis"]
    assert reads, [one["act"] for one in entries]
    assert {one["purpose"] for one in reads} == {"treatment"}
    before = office.story(id)["version"]
    browser.get(f"/inbox/{id}")
    assert office.story(id)["version"] == before, "a second look changes nothing"


def test_the_part_that_moves_reads_nothing_personal_and_tells_what_has_happened(
    office: Office, coordinator: Any
) -> None:
    id, browser = office.take(), coordinator()
    page = browser.get(f"/inbox/{id}").text
    address = re.search(r'data-fragment="([^"]+)"', page)
    assert address, "the page has a part that moves"
    assert "<li>" not in browser.get(address[1], headers={"X-Fragment": "now"}).text
    send(browser, page, "accept", admit_on=TODAY.isoformat())
    fresh = browser.get(address[1], headers={"X-Fragment": "now"}).text
    assert "Accepted" in fresh
    assert office.ask("intake", f"/v1/diagnoses/{id}")["child"]["full_name"] not in fresh


def test_accepting_with_the_agreed_day_opens_the_next_child(office: Office, coordinator: Any) -> None:
    id, browser = office.take(), coordinator()
    day = (TODAY + timedelta(days=3)).isoformat()
    answer = send(browser, browser.get(f"/inbox/{id}").text, "accept", admit_on=day)
    assert answer.status_code == 303, answer.text
    following = answer.headers["Location"]
    assert re.fullmatch(rf"/inbox/[0-9a-f-]{{36}}\?done=accept&last={id}", following), following
    assert id not in following.partition("?")[0], "another child is opened"
    assert "is accepted" in browser.get(following).text
    story = office.story(id)
    assert (story["state"], story["admit_on"]) == ("accepted", day)


def test_a_day_that_cannot_be_is_told_beside_its_field_and_stays(office: Office, coordinator: Any) -> None:
    id, browser = office.take(), coordinator()
    answer = send(browser, browser.get(f"/inbox/{id}").text, "accept", admit_on="2019-01-01")
    assert answer.status_code == 422
    assert 'href="#f-accept-admit_on"' in answer.text, "the summary links to the field"
    assert "Choose a day from today to a year ahead" in answer.text
    assert 'value="2019-01-01"' in answer.text
    assert office.story(id)["state"] == "offered"


def test_declining_needs_a_reason_and_its_comment_is_a_note_at_intake(office: Office, coordinator: Any) -> None:
    id, browser = office.take(), coordinator()
    page = browser.get(f"/inbox/{id}").text
    refused = send(browser, page, "decline", text="The lift is broken")
    assert refused.status_code == 422
    assert "Choose a reason" in refused.text
    assert "The lift is broken" in refused.text, "what was typed stays"
    assert browser.get(f"/inbox/{id}/decline").headers["Location"] == f"/inbox/{id}", "its address leads back"
    notes = f"/v1/diagnoses/{id}/notes"
    assert office.ask("intake", notes, "polyclinic")["items"] == [], "a refused decline leaves no note"
    answer = send(browser, refused.text, "decline", reason="no_capacity", text="The lift is broken")
    assert answer.status_code == 303, answer.text
    assert [one["text"] for one in office.ask("intake", notes, "polyclinic")["items"]] == ["The lift is broken"]
    assert office.story(id)["offers"][0]["state"] == "declined"
    assert "Your part with this child has ended" in browser.get(f"/inbox/{id}").text


def test_of_two_who_click_at_once_the_second_is_told_who_was_first(office: Office, coordinator: Any) -> None:
    id, first, second = office.take(), coordinator(), coordinator()
    pages = [one.get(f"/inbox/{id}").text for one in (first, second)]
    assert send(first, pages[0], "accept", admit_on=TODAY.isoformat()).status_code == 303
    beaten = send(second, pages[1], "decline", reason="no_capacity", text="A word that must not stay")
    assert beaten.status_code == 409
    assert "Somebody was faster" in beaten.text
    assert re.search(r"<strong>Accepted</strong>\s+– you\s*<", beaten.text), "on a local network all are one person"
    assert "Where the child is now" in beaten.text
    assert office.story(id)["state"] == "accepted", "the second one's decline did nothing"
    assert office.ask("intake", f"/v1/diagnoses/{id}/notes", "polyclinic")["items"] == []


def test_a_form_that_is_sent_twice_is_done_once_and_nobody_was_faster(office: Office, coordinator: Any) -> None:
    id, browser = office.take(), coordinator()
    page, day = browser.get(f"/inbox/{id}").text, TODAY.isoformat()
    first, second = (send(browser, page, "accept", admit_on=day) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303), second.text
    assert f"done=accept&last={id}" in second.headers["Location"], "as if it had been sent once"
    assert [one["command"] for one in office.story(id)["history"]].count("accept") == 1
    other = send(browser, page, "accept", admit_on=(TODAY + timedelta(days=5)).isoformat())
    assert other.status_code == 409, "another day is another answer, and it is told that there was one"


def test_a_child_goes_through_the_calendar(office: Office, coordinator: Any) -> None:
    id, browser = office.take(), coordinator()
    send(browser, browser.get(f"/inbox/{id}").text, "accept", admit_on=TODAY.isoformat())
    calendar = browser.get("/weeks").text
    assert f'href="/weeks/{id}"' in calendar
    assert "This week" in calendar
    answer = send(browser, browser.get(f"/weeks/{id}").text, "admit")
    assert answer.headers["Location"] == f"/weeks?done=admit&last={id}"
    assert "is in care from today" in browser.get(answer.headers["Location"]).text
    assert f'href="/weeks/{id}"' not in browser.get("/weeks").text, "its course ends in three weeks"
    assert f'href="/weeks/{id}"' in browser.get("/weeks?week=all").text
    page = browser.get(f"/weeks/{id}").text
    assert send(browser, page, "discharge").status_code == 422, "without an outcome nobody is discharged"
    assert send(browser, page, "discharge", outcome="improved").status_code == 303
    assert office.story(id)["state"] == "completed"
    assert f'href="/weeks/{id}"' not in browser.get("/weeks?week=all").text


def test_a_child_who_did_not_come_leaves_the_calendar(office: Office, coordinator: Any) -> None:
    id, browser = office.take(), coordinator()
    send(browser, browser.get(f"/inbox/{id}").text, "accept", admit_on=TODAY.isoformat())
    answer = send(browser, browser.get(f"/weeks/{id}").text, "no-show", reason="child_ill")
    assert answer.status_code == 303, answer.text
    assert office.story(id)["state"] == "no_show"
    assert f'href="/weeks/{id}"' not in browser.get("/weeks?week=all").text


def test_a_child_of_another_center_does_not_exist(office: Office, new_browser: NewBrowser) -> None:
    centers = [one["id"] for one in office.ask("referral", "/v1/centers?limit=100")["items"]]
    stranger, id = new_browser(), office.take()
    stranger.sign_in("center", next(one for one in centers if one != office.center))
    for path in (f"/inbox/{id}", f"/weeks/{id}", f"/inbox/{id}/now?version=1"):
        assert stranger.get(path).status_code == 404, path
    assert office.story(id)["offers"][-1]["state"] == "made", "a stranger's look marks nothing"


def test_places_are_confirmed_set_and_paused_and_who_comes_second_is_told(office: Office, coordinator: Any) -> None:
    first, second = coordinator(), coordinator()
    programme = office.ask("referral", f"/v1/centers/{office.center}")["programmes"][0]["id"]
    figure = f"/v1/centers/{office.center}/programmes/{programme}/places"
    before, path = office.ask("referral", figure), f"/places/{programme}"
    assert first.submit("/places").headers["Location"] == "/places?done=confirmed"
    confirmed = office.ask("referral", figure)
    assert confirmed["places"] == before["places"]
    assert confirmed["confirmed_at"] > before["confirmed_at"]
    stale = form_of(second.get(path).text)
    more = {"places": str(before["places"] + 2), "suspended": "yes"}
    assert first.submit(path, **more).headers["Location"] == "/places?done=set"
    now = office.ask("referral", figure)
    assert (now["places"], now["suspended"]) == (before["places"] + 2, True)
    assert "Admission is paused" in first.get("/places").text
    beaten = second.http.post(path, data=stale | {"places": "1", "suspended": "no"})
    assert beaten.status_code == 409
    assert "The figure was set by another person a moment ago" in beaten.text
    assert office.ask("referral", figure)["places"] == before["places"] + 2
    words = first.submit(path, places="many", suspended="no")
    assert words.status_code == 422
    assert "Type a number in digits" in words.text
    first.submit(path, places=str(before["places"]), suspended="no")


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of the page's own form."""
    return {name: value for name, value in first_form(page).items() if name}
