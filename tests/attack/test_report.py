"""Access reports on a running network: of a foreign child there is none, and the family's is whole."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.attack.test_erasure import joldama
from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until


@pytest.fixture(scope="module")
def child(country: RunningNetwork) -> dict[str, Any]:
    """A submitted body, with the ids of its child and its referral, which is offered to a center."""
    bodies = submissions(6, seed=2121)
    ids = asyncio.run(submit_all(country, bodies))
    sql = "SELECT id, center_id, child_id FROM referrals WHERE state = 'offered'"

    def rows() -> list[Any]:
        return [one for one in record_queries.query(country.plan.referral_sql_url, sql) if str(one[0]) in ids]

    wait_until(lambda: bool(rows()), "one is offered")
    id, center, child_id = map(str, rows()[0])
    return bodies[ids.index(id)] | {"referral_id": id, "center_id": center, "child_id": child_id}


def test_nobody_has_a_report_of_a_foreign_child(country: RunningNetwork, child: dict[str, Any]) -> None:
    report = f"{country.url('intake')}/v1/children/{child['child_id']}/report"
    log = f"{country.url('referral')}/v1/referrals/{child['referral_id']}/audit-log"
    for role, org, status in (
        ("polyclinic", "another-polyclinic", 404), ("center", child["center_id"], 403), ("center", "another", 403),
        ("polyclinic", child["center_id"], 404),
    ):  # fmt: skip
        for url in (report, log):
            answer = httpx2.get(url, headers=country.headers(role, org), timeout=20)
            assert (answer.status_code, child["child"]["full_name"] in answer.text) == (status, False), (role, url)
    assert httpx2.get(report, headers=country.headers("operator"), timeout=20).status_code == 403


def test_the_family_s_report_is_whole_and_has_those_who_were_refused(
    country: RunningNetwork, child: dict[str, Any], tmp_path: Path
) -> None:
    center = country.headers("center", child["center_id"])
    diagnosis = f"{country.url('intake')}/v1/diagnoses/{child['referral_id']}"
    assert httpx2.get(diagnosis, headers=center, timeout=20).status_code == 200
    as_polyclinic = ("--as", "polyclinic", "--org", POLYCLINIC)
    done = joldama(country, "report", child["child_id"], "--json", *as_polyclinic)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["referrals"][0]["child"]["full_name"] == child["child"]["full_name"]
    assert found["stories"][0]["center_id"] == child["center_id"]
    seen = {(one["service"], one["act"], one["org"], one["refused"]) for one in found["audit_log"]}
    assert ("intake", "read_diagnosis", child["center_id"], None) in seen
    assert ("intake", "read_report", "another-polyclinic", "not_found") in seen
    assert ("referral", "list_referral_audit_log", "another-polyclinic", "referral_not_found") in seen
    file = tmp_path / "report.html"
    assert joldama(country, "report", child["child_id"], "--html", str(file)).returncode == 0
    assert child["child"]["full_name"] in file.read_text()
