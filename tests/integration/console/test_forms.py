"""The forms of a polyclinic: errors by field, dates as people type them, what intake understood, the list of places."""

import re
from datetime import date
from html import unescape
from typing import Any

import httpx2
import pytest

from tests.integration.console.conftest import NewBrowser
from tests.support.children import submissions
from tests.support.console import Browser
from tests.support.network import RunningNetwork
from tests.unit.intake.samples import iin_of

pytestmark = pytest.mark.timeout(600)
POLYCLINIC = "demo-polyclinic"
BORN = date(2025, 3, 14)


@pytest.fixture
def nurse(browser: Browser) -> Browser:
    browser.sign_in("polyclinic", POLYCLINIC)
    return browser


@pytest.fixture(scope="module")
def child(country: RunningNetwork) -> dict[str, Any]:
    """A girl of the polyclinic, and her `id`."""
    body = submissions(1, seed=407)[0] | {"settlement_id": "1526273", "modalities": ["inpatient"]}
    body["child"] = {
        "full_name": "Үлгі Айша",
        "birth_date": str(BORN),
        "sex": "female",
        "iin": iin_of(BORN, "female", 7),
    }
    headers = country.headers("polyclinic", POLYCLINIC)
    sent = httpx2.post(f"{country.url('intake')}/v1/diagnoses", json=body, headers=headers).raise_for_status().json()
    return body | {"id": sent["referral_id"]}


def summary(page: str) -> list[str]:
    """The lines of the error summary."""
    found = re.search(r'govuk-error-summary__list">(.*?)</ul>', page, re.S)
    assert found, "the page has no error summary"
    return [unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in re.findall(r"<li[^>]*>(.*?)</li>", found[1], re.S)]


def value(page: str, name: str) -> str:
    found = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def typed(child: dict[str, Any], **changes: str) -> dict[str, str]:
    """A twin of the child in the form of a submission."""
    return {
        "child.iin": iin_of(BORN, "female", 27), "child.full_name": "Үлгі Дана", "child.birth_date": "14.03.2025",
        "child.sex": "female", "guardian.full_name": "Үлгі Ана", "guardian.phone": child["guardian"]["phone"],
        "diagnosis.icd10": "g80.1", "settlement_id": "Астана", "modalities": "inpatient", "step": "review",
    } | changes  # fmt: skip


def test_each_line_of_the_summary_names_its_field(nurse: Browser) -> None:
    lines = summary(nurse.submit("/refer", step="review").text)
    assert "Full name: fill this in" in lines
    assert len(lines) == len(set(lines)), f"lines that cannot be told apart: {lines}"
    assert "Full name: fill this in" in summary(nurse.submit("/transfers/ask").text)


def test_a_correction_names_its_fields_and_shows_dates_as_they_are_asked_for(
    nurse: Browser, child: dict[str, Any], country: RunningNetwork
) -> None:
    address = f"/referrals/{child['id']}/correct/child"
    assert value(nurse.get(address).text, "child.birth_date") == "14.03.2025"
    same = {f"child.{name}": text for name, text in child["child"].items()}
    same |= {f"guardian.{name}": text for name, text in child["guardian"].items()}
    before = version(country, child)
    assert "Full name: fill this in" in summary(nurse.submit(address, **same | {"child.full_name": ""}).text)
    assert nurse.submit(address, **same | {"child.birth_date": "14.03.2025"}).status_code == 303
    assert version(country, child) == before, "nothing was changed"


def version(country: RunningNetwork, child: dict[str, Any]) -> Any:
    headers = country.headers("polyclinic", POLYCLINIC)
    record = httpx2.get(f"{country.url('intake')}/v1/diagnoses/{child['id']}", headers=headers).json()
    return httpx2.get(f"{country.url('intake')}/v1/children/{record['child_id']}", headers=headers).headers["ETag"]


def test_what_is_refused_is_reviewed_as_intake_understood_it(new_browser: NewBrowser, child: dict[str, Any]) -> None:
    other = new_browser()
    other.sign_in("polyclinic", "second-polyclinic")
    same = {"child.iin": child["child"]["iin"], "child.full_name": child["child"]["full_name"]}
    answer = other.submit("/refer", **typed(child, step="send", **same))
    assert answer.status_code == 409, answer.text
    assert "has an open referral at another polyclinic" in answer.text
    for text in ("March 14, 2025", "G80.1 Spastic diplegic cerebral palsy", "Urgent"):
        assert text in answer.text, "as on the review before it"
    assert value(answer.text, "birth_date") == "14.03.2025", "the transfer is asked for with what was typed"


def test_a_referral_without_consent_is_warned_of(nurse: Browser, child: dict[str, Any]) -> None:
    warning = "No consent is recorded. If the mother"
    assert warning in nurse.submit("/refer", **typed(child)).text
    consent = {"consent": "2026-1", "consent.given_on": "02.11.2026", "consent.language": "kk"}
    reviewed = nurse.submit("/refer", **typed(child, **consent)).text
    assert ("Check before sending" in reviewed, warning in reviewed) == (True, False), "the consent is there"


def test_all_places_are_downloaded_with_their_numbers(new_browser: NewBrowser) -> None:
    nurse = new_browser()
    nurse.sign_in("polyclinic", POLYCLINIC)
    assert 'href="/upload/places.csv"' in nurse.get("/upload").text
    answer = nurse.get("/upload/places.csv")
    header, *lines = answer.content.decode("utf-8-sig").splitlines()
    assert header == "settlement_id;name_kk;name_ru;name_en;region"
    assert "609655;Қарағанды;Караганда;Karagandy;Karaganda Region" in lines
    assert {line.count(";") for line in lines} == {4}, "each line has a cell in each column"
