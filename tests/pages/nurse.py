"""What a nurse does on the pages of a polyclinic: find a child, fill in the form, send it."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import count
from typing import Any

from playwright.sync_api import Page

from tests.unit.intake.samples import iin_of

BORN = date(2019, 5, 17)
MODALITIES = ("inpatient", "day_stay")
numbers = count(0, 20)  # numbers that are nearer may have one IIN


def field(page: Page, name: str) -> Any:
    return page.locator(f'[name="{name}"]')


def find(page: Page, iin: str) -> None:
    page.goto("/find-child")
    field(page, "iin").fill(iin)
    page.click("main form button")


def fill_in(page: Page, number: int, modalities: Sequence[str] = MODALITIES, **changes: str) -> None:
    """All of a valid form but the IIN; another child's for another number."""
    texts = {
        "child.full_name": f"Үлгі Бала {number}", "child.birth_date": "17.05.2019",
        "guardian.full_name": "Үлгі Ана", "guardian.phone": f"8 701 55{number:05d}",
        "diagnosis.icd10": "G80.1", "settlement_id": "Караганда", "max_distance_km": "",
        "consent.given_on": "02.11.2026", **changes,
    }  # fmt: skip
    for name, text in texts.items():
        field(page, name).fill(text)
    page.check('[name="child.sex"][value="female"]')
    for one in modalities:
        page.check(f'[name="modalities"][value="{one}"]')
    page.check('[name="consent"]')
    page.check('[name="consent.language"][value="kk"]')


def press(page: Page, step: str) -> None:
    page.click(f'button[value="{step}"]')


def submit(page: Page, modalities: Sequence[str] = MODALITIES, **changes: str) -> str:
    """Submit a new child; its IIN."""
    number = next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, iin)
    fill_in(page, number, modalities, **changes)
    press(page, "review")
    press(page, "send")
    page.wait_for_url(re.compile(r"/referrals/[0-9a-f-]{36}\?came=sent"))
    return iin
