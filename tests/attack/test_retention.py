"""Retention on a running network: what is long over is swept by the command, and the referral service has a say."""

import asyncio
import json
import sqlite3
from contextlib import closing
from typing import Any
from uuid import UUID

import httpx2

from services.intake.adapters.moments import to_ms
from services.intake.bootstrap import utc_now
from tests.attack.test_erasure import joldama
from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

LONG_AGO = to_ms(utc_now().replace(year=utc_now().year - 26))


def change(country: RunningNetwork, service: str, sql: str, *values: Any) -> None:
    with closing(sqlite3.connect(country.home.sql / f"{service}.sqlite3", timeout=20)) as database, database:
        assert database.execute(sql, values).rowcount


def make_old(country: RunningNetwork, referral_id: str, *, wholly: bool) -> None:
    """As if it had happened 26 years ago; at the referral service too if `wholly`."""
    id = UUID(referral_id).hex
    change(country, "intake", "UPDATE diagnosis SET submitted_at = ? WHERE referral_id = ?", LONG_AGO, id)
    theirs = "child_id = (SELECT child_id FROM diagnosis WHERE referral_id = ?)"
    change(country, "intake", f"UPDATE child SET created_at = ? WHERE {theirs}", LONG_AGO, id)
    if wholly:
        change(country, "referral", "UPDATE history SET at = ? WHERE referral_id = ?", LONG_AGO, referral_id)


def status(country: RunningNetwork, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    done = joldama(country, "retention", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {(one["service"], one["what"]): one for one in json.loads(done.stdout)}


def test_only_what_is_long_over_in_both_services_is_swept(country: RunningNetwork) -> None:
    ids = asyncio.run(submit_all(country, submissions(4, seed=3434)))
    long_over, over, still_open, recent = ids
    wait_until(lambda: set(ids) <= set(record_queries.referrals(country)), "all are routed")
    own = country.headers("polyclinic", POLYCLINIC)
    for id in (long_over, over, recent):
        url = f"{country.url('referral')}/v1/referrals/{id}/cancel"
        assert httpx2.post(url, json={"reason": "moved_away"}, headers=own, timeout=20).is_success
    assert status(country)["intake", "children"]["due"] == 0
    for id in (long_over, still_open):
        make_old(country, id, wholly=True)
    make_old(country, over, wholly=False)
    found = status(country)
    assert found["intake", "children"]["due"] == 1
    assert found["referral", "persons"]["due"] >= 1
    assert joldama(country, "retention", "--sweep", "--as", "operator").returncode == 4

    found = status(country, "--sweep")
    assert [found["intake", "children"][name] for name in ("due", "now", "swept")] == [0, 1, 1]
    assert (found["referral", "persons"]["due"], found["referral", "persons"]["now"] >= 1) == (0, True)
    read = {
        id: httpx2.get(f"{country.url('intake')}/v1/diagnoses/{id}", headers=own, timeout=20).status_code for id in ids
    }
    assert read == {long_over: 404, over: 200, still_open: 200, recent: 200}
    story = httpx2.get(f"{country.url('referral')}/v1/referrals/{long_over}", headers=own, timeout=20).json()
    assert (story["state"], story["history"][-1]["actor"]) == ("cancelled", f"polyclinic:{POLYCLINIC}")
    assert status(country, "--sweep")["intake", "children"]["now"] == 0
