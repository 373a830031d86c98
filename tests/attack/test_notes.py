"""Notes on a running network: no name in them leaves intake, and another center's are not readable."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

SECRET = "Құпия Есім Жасырын"


@pytest.fixture(scope="module")
def offered(country: RunningNetwork) -> tuple[str, str]:
    """A referral that is offered, and its center."""
    ids = asyncio.run(submit_all(country, submissions(6, seed=1212)))
    sql = "SELECT id, center_id FROM referrals WHERE state = 'offered'"

    def rows() -> list[Any]:
        return [one for one in record_queries.query(country.plan.referral_sql_url, sql) if str(one[0]) in ids]

    wait_until(lambda: bool(rows()), "one is offered")
    return str(rows()[0][0]), str(rows()[0][1])


def test_the_note_of_another_center_is_not_readable_and_no_name_leaves_intake(
    country: RunningNetwork, offered: tuple[str, str]
) -> None:
    referral, center = offered
    notes = f"{country.url('intake')}/v1/diagnoses/{referral}/notes"
    act = f"{country.url('referral')}/v1/referrals/{referral}"
    own, other = country.headers("center", center), country.headers("center", "another-center")
    for headers in (other, country.headers("polyclinic", "another-polyclinic"), country.headers("polyclinic", center)):
        assert httpx2.post(notes, json={"text": SECRET}, headers=headers, timeout=20).status_code == 404
        assert httpx2.get(notes, headers=headers, timeout=20).status_code == 404
    for text in (SECRET, "", None, {"text": SECRET}):
        refused = httpx2.post(f"{act}/decline", json={"note": text, "reason": "other"}, headers=own, timeout=20)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "note_elsewhere")
        assert "/notes" in refused.text
        assert SECRET not in refused.text
    written = httpx2.post(notes, json={"text": SECRET}, headers=own, timeout=20)
    assert written.status_code == 201, written.text
    done = {"note_id": written.json()["note_id"], "reason": "no_capacity"}
    declined = httpx2.post(f"{act}/decline", json=done, headers=own, timeout=20)
    assert declined.json()["history"][-1]["note_id"] == done["note_id"]

    assert httpx2.get(notes, headers=other, timeout=20).status_code == 404
    [mine] = httpx2.get(notes, headers=own, timeout=20).json()["items"]
    assert mine["text"] == SECRET, "its own it may read again"
    [theirs] = httpx2.get(notes, headers=country.headers("polyclinic", POLYCLINIC), timeout=20).json()["items"]
    assert (theirs["text"], theirs["author"]) == (SECRET, f"center:{center}")
    again = httpx2.post(notes, json={"text": SECRET}, headers=own, timeout=20)
    assert again.status_code == 404, "it has the child no longer"
    for path in country.home.root.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
