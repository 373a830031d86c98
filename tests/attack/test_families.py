"""A family's page without a token: nobody guesses a code or a birth date, and nobody learns that one was right."""

import itertools
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from tests.support.children import POLYCLINIC, submissions
from tests.support.network import RunningNetwork

LOOKS = 20
"""By one code a day."""


@pytest.fixture(scope="module")
def family(country: RunningNetwork) -> dict[str, str]:
    """What one family knows."""
    child = submissions(1, seed=977)[0]
    with httpx2.Client(base_url=country.url("intake"), headers=country.headers("polyclinic", POLYCLINIC)) as client:
        receipt = client.post("/v1/diagnoses", json=child).raise_for_status().json()
        code = client.get(f"/v1/diagnoses/{receipt['referral_id']}/family-code").raise_for_status().json()["code"]
    return {"code": code, "birth_date": child["child"]["birth_date"], "icd10": child["diagnosis"]["icd10"],
            "name": child["child"]["full_name"], "iin": child["child"]["iin"]}  # fmt: skip


def ask(country: RunningNetwork, code: str, birth_date: str, number: int = 0) -> httpx2.Response:
    """From an address that says that it is another."""
    spoofed = {"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"}
    body: dict[str, Any] = {"code": code, "birth_date": birth_date}
    return httpx2.post(f"{country.url('intake')}/v1/family", json=body, headers=spoofed, timeout=20)


def test_who_found_the_paper_does_not_try_all_birth_dates(country: RunningNetwork, family: dict[str, str]) -> None:
    true = ask(country, family["code"], family["birth_date"])
    assert true.status_code == 200, true.text
    told = true.text
    assert not any(family[one] in told for one in ("icd10", "name", "iin", "birth_date")), "nothing of the child"
    days = (str(date(2001, 1, 1) + timedelta(one)) for one in itertools.count())
    guesses = [ask(country, family["code"], day, number) for number, day in zip(range(LOOKS + 4), days, strict=False)]
    statuses = [one.status_code for one in guesses]
    assert statuses[: LOOKS - 1] == [404] * (LOOKS - 1)
    assert set(statuses[LOOKS:]) == {429}, "also the right one is not taken any more today"
    assert ask(country, family["code"].lower(), family["birth_date"], 99).status_code == 429
    made_up = family["code"][:-4] + "0000"
    unknown = [ask(country, made_up, family["birth_date"], one).status_code for one in range(LOOKS + 2)]
    assert unknown == [404] * LOOKS + [429] * 2, "and a code that nobody has is answered just so"
