"""Keys are rotated while the network serves: everything is made anew, and nobody is taken twice."""

import base64
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, select, update

from services.intake.adapters import sql_rotation
from services.intake.adapters.aes_vault import FORM
from services.intake.adapters.tables import answered, corrected_data, diagnoses, key_versions
from services.intake.settings import IntakeSettings
from services.kit.sql.database import Database
from tests.integration.intake.key_rings import Api, everything, new_key, reason
from tests.unit.intake.samples import child_body, newborn


async def rotated(admin: httpx2.AsyncClient) -> dict[str, Any]:
    """The status after a whole rotation."""
    for _ in range(100):
        answer = await admin.post("/v1/keys/rotate")
        assert answer.status_code == 200, answer.text
        if answer.json()["complete"]:
            found: dict[str, Any] = (await admin.get("/v1/keys")).json()
            return found
    raise AssertionError("the rotation does not end")


def uses(status: dict[str, Any], version: int) -> dict[str, int]:
    return {one["purpose"]: one["uses"] for one in status["keys"] if one["version"] == version}


async def test_a_rotation_makes_everything_anew_and_nobody_is_taken_twice(
    served: Api, settings: IntakeSettings, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql_rotation, "CHILDREN", 3)
    key = {"Idempotency-Key": "k"}
    async with served(**keys) as client:
        receipt = (await client.post("/v1/diagnoses", json=child_body(), headers=key)).json()
        bodies = [newborn(guardian__phone=f"+770177777{number}") for number in range(10, 20)]
        ids = [(await client.post("/v1/diagnoses", json=body)).json()["referral_id"] for body in bodies]
        await client.patch(f"/v1/children/{receipt['child_id']}", json={"guardian": {"phone": "+77019999999"}})
    newer = {name: f"2:{new_key()}, {ring}" for name, ring in keys.items()}
    async with served(**newer) as client, served(role="admin", **newer) as admin:
        before = (await admin.get("/v1/keys")).json()
        assert before["left"] == 0, "the new keys are not active before the rotation"
        assert (
            await client.post("/v1/diagnoses", json=newborn(guardian__phone=bodies[0]["guardian"]["phone"]))
        ).status_code == 409
        after = await rotated(admin)
        assert (after["children"], after["left"]) == (11, 0)
        assert uses(after, 1) == {"data": 0, "index": 0, "pseudonym": 1}, "an idempotency key of the last thirty days"
        assert uses(after, 2) == {"data": 11, "index": 1, "pseudonym": 11}
        for number, body in enumerate(bodies):
            assert (await client.get(f"/v1/diagnoses/{ids[number]}")).json()["guardian"] == body["guardian"]
            assert (await client.post("/v1/diagnoses", json=body)).json()["referral_ids"] == [ids[number]]
        replayed = await client.post("/v1/diagnoses", json=child_body(), headers=key)
        assert (replayed.headers["Idempotency-Replayed"], replayed.json()["referral_id"]) == (
            "true",
            receipt["referral_id"],
        )
        found = await client.post("/v1/children/lookup", json={"iin": child_body()["child"]["iin"]})
        assert found.json()["child_id"] == receipt["child_id"]
        assert (await client.post("/v1/diagnoses", json=child_body())).status_code == 409
    database = Database(settings.intake_sql_url)
    await database.write(lambda session: session.execute(delete(answered)))
    await database.close()
    newest = {name: ring.partition(",")[0] for name, ring in newer.items()}
    async with served(**newest) as client:
        assert await reason(client) == "ok"
        assert await everything(client, receipt) == [409, 201, 200, 200, 200, 200]


async def test_what_is_submitted_while_indexes_are_of_two_keys_is_found_under_both(
    served: Api, settings: IntakeSettings, keys: dict[str, str]
) -> None:
    """The database in the middle of a rotation: the new key is active, and a child is still under the old one."""
    async with served(**keys) as client:
        receipt = (await client.post("/v1/diagnoses", json=child_body())).json()
    newer = {name: f"2:{new_key()}, {ring}" for name, ring in keys.items()}
    async with served(**newer) as client, served(role="admin", **newer) as admin:
        assert await reason(client) == "ok"
        database = Database(settings.intake_sql_url)
        await database.write(lambda s: s.execute(update(key_versions).values(active=key_versions.c.version == 2)))
        assert (await admin.get("/v1/keys")).json()["left"] == 1
        assert await everything(client, receipt) == [409, 201, 200, 200, 200, 200]
        newer_child = child_body(1, guardian__phone="+77012223344")
        assert (await client.post("/v1/diagnoses", json=newer_child)).status_code == 201
        await database.write(
            lambda s: s.execute(update(diagnoses).values(open_iin=None, open_likeness=None))
        )  # as if the referrals were closed
        again = await client.post("/v1/diagnoses", json=child_body())
        assert (again.status_code, again.json()["child_id"]) == (201, receipt["child_id"])
        assert (await client.post("/v1/diagnoses", json=child_body())).status_code == 409
        assert (await rotated(admin))["left"] == 0
        assert (await client.post("/v1/diagnoses", json=child_body())).status_code == 409
        assert (await client.post("/v1/diagnoses", json=newer_child)).json()["child_id"] != receipt["child_id"]
        await database.close()


async def test_a_rotation_leaves_nothing_that_the_one_key_of_before_made(
    served: Api, old: tuple[IntakeSettings, dict[str, str], bytes], keys: dict[str, str]
) -> None:
    settings, receipt, key = old
    with_it = keys | {"intake_sql_url": settings.intake_sql_url, "intake_data_key": base64.b64encode(key).decode()}
    async with served(**with_it) as client, served(role="admin", **with_it) as admin:
        assert (await admin.get("/v1/keys")).json()["left"] == 1
        assert (await rotated(admin))["left"] == 0
        assert (await client.post("/v1/diagnoses", json=child_body())).status_code == 409
    async with served(**with_it | {"intake_data_key": ""}) as client:
        assert await reason(client) == "ok"
        found = await everything(client, receipt)
        assert (found[0], found[2:]) == (409, [200] * 4)
    database = Database(settings.intake_sql_url)
    rows = await database.read(lambda s: s.execute(select(corrected_data)).all())
    assert rows
    assert all(one.startswith(FORM) for row in rows for one in (row.sealed_before, row.sealed_after))
    await database.close()
