"""Attacks by IINs: what a polyclinic learns of others' children, and a child that is held by who was first."""

import json
from typing import Any

import httpx2

from tests.support import record_queries
from tests.support.children import POLYCLINIC, submissions, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork

THIEF = "polyclinic-of-a-thief"


def with_iins(count: int, seed: int) -> list[dict[str, Any]]:
    return [one for one in submissions(count, seed=seed) if one["child"].get("iin")]


async def test_three_thousand_iins_in_bulk_tell_of_few_that_they_exist_and_of_none_where_or_by_which_id(
    country: RunningNetwork,
) -> None:
    held = with_iins(260, seed=611)
    ids = await submit_all(country, held)
    rows = record_queries.query(country.plan.intake_sql_url, "SELECT child_id FROM child")
    lines = "".join(json.dumps(one) + "\n" for one in held * (3000 // len(held)))
    headers = country.headers("polyclinic", THIEF) | {"Content-Type": "application/x-ndjson"}
    async with httpx2.AsyncClient(base_url=country.url("intake"), timeout=120) as http:
        answer = await http.post("/v1/diagnoses/bulk", content=lines, headers=headers)
        results = [json.loads(line) for line in answer.text.splitlines()]
        told = [one for one in results if one["status"] == 409]
        assert {one["status"] for one in results} == {409, 429}
        assert len(told) <= 240, "as many as look-ups in two minutes"
        assert not any(id in answer.text for id in ids)
        assert not any(str(row[0]) in answer.text.replace("-", "") for row in rows)
        one = await http.post("/v1/children/lookup", json={"iin": held[0]["child"]["iin"]}, headers=headers)
        assert one.status_code in (415, 429)
    audited = record_queries.query(
        country.plan.intake_sql_url,
        f"SELECT COUNT(*) FROM audit_log WHERE org = '{THIEF}' AND refused = 'open_referral'",
    )
    assert int(str(audited[0][0])) >= len(held), "every child that was asked for is in the audit"


async def test_a_child_that_another_submitted_first_is_set_free_by_a_transfer(country: RunningNetwork) -> None:
    body = with_iins(20, seed=612)[3]
    [id] = await submit_all(country, [body])
    story = f"{country.url('referral')}/v1/referrals/{id}"
    holder, right = country.headers("polyclinic", POLYCLINIC), country.headers("polyclinic", "the-right-one")
    names = ("iin", "full_name", "birth_date")
    async with httpx2.AsyncClient(base_url=country.url("intake"), timeout=20) as http:

        async def routed() -> Any:
            found = await http.get(story, headers=holder)
            return found.json() if found.status_code == 200 else None

        before = await eventually(routed, "the child is routed", within=30)
        wanted = {name: body["child"][name] for name in names}
        guessed = await http.post("/v1/transfers", json=wanted | {"full_name": "Басқа Бала"}, headers=right)
        assert (await http.get("/v1/transfers", headers=right)).json()["items"] == []
        asked = await http.post("/v1/transfers", json=wanted, headers=right)
        assert (asked.status_code, asked.content) == (guessed.status_code, guessed.content)
        [one] = (await http.get("/v1/transfers", headers=right)).json()["items"]
        assert id not in json.dumps(one)
        assert (await http.post(f"/v1/transfers/{one['transfer_id']}/accept", headers=right)).status_code == 404
        accepted = await http.post(f"/v1/transfers/{one['transfer_id']}/accept", headers=holder)
        assert accepted.json()["state"] == "accepted", accepted.text
        assert (await http.get(f"/v1/diagnoses/{id}", headers=holder)).status_code == 404
        assert (await http.get(f"/v1/diagnoses/{id}", headers=right)).status_code == 200

        async def moved() -> Any:
            found = await http.get(story, headers=right)
            return found.json() if found.status_code == 200 else None

        after = await eventually(moved, "the referral is the other polyclinic's", within=30)
        assert (await http.get(story, headers=holder)).status_code == 404
        kept = ("state", "attempt", "center_id", "programme_id", "deadline_at")
        assert {name: after.get(name) for name in kept} == {name: before.get(name) for name in kept}
