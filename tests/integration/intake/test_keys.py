"""A wrong or missing key is noticed before anything is taken; keys of before there were versions go on."""

import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, insert, select, text, update

from services.intake.adapters import sql_rotation
from services.intake.adapters.aes_vault import FORM, AesVault, _derive
from services.intake.adapters.history import HISTORY
from services.intake.adapters.tables import answered, child_keys, corrected_data, diagnoses, key_versions
from services.intake.domain.keys import UNVERSIONED, KeyPurpose
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.sql.database import Database
from tests.integration.intake.conftest import ReferralsInMemory
from tests.integration.intake.test_possible_duplicates import newborn
from tests.unit.intake.samples import child_body, submission

Api = Callable[..., Any]


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def keys() -> dict[str, str]:
    """A first key of each kind."""
    return {f"intake_{one}_keys": f"1:{new_key()}" for one in KeyPurpose}


@pytest.fixture
def served(settings: IntakeSettings, referrals: ReferralsInMemory, token: Callable[..., str]) -> Api:
    """`served(intake_data_keys=…)`: a process with these settings, as a client of polyclinic p1."""

    @asynccontextmanager
    async def serve(role: str = "polyclinic", **changes: str) -> AsyncIterator[httpx2.AsyncClient]:
        app = create_api(IntakeSettings(**settings.model_dump() | changes), referrals).inside
        headers = {"Authorization": f"Bearer {token(role, 'p1')}"}
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app), base_url="http://intake", headers=headers
            ) as client,
        ):
            yield client

    return serve


async def reason(client: httpx2.AsyncClient) -> str:
    """Why the process is not ready for its keys; "ok" when it is."""
    found: str = (await client.get("/readyz")).json()["checks"]["keys"]
    return found


async def everything(client: httpx2.AsyncClient, receipt: dict[str, Any]) -> list[int]:
    """The statuses of all that needs keys: submitting the child again, another one, a file, reads and corrections."""
    iin, other = child_body()["child"]["iin"], newborn(guardian__phone="+77017777777")
    return [
        (await client.post("/v1/diagnoses", json=child_body())).status_code,
        (await client.post("/v1/diagnoses", json=other)).status_code,
        (await client.get(f"/v1/diagnoses/{receipt['referral_id']}")).status_code,
        (await client.get(f"/v1/children/{receipt['child_id']}")).status_code,
        (await client.post("/v1/children/lookup", json={"iin": iin})).status_code,
        (await client.patch(f"/v1/diagnoses/{receipt['referral_id']}", json={"max_distance_km": 9})).status_code,
    ]


@pytest.mark.parametrize("purpose", KeyPurpose)
@pytest.mark.parametrize("wrong", ["another key", "a newer one only"])
async def test_nothing_is_taken_or_read_by_a_process_with_a_wrong_key(
    served: Api, settings: IntakeSettings, keys: dict[str, str], purpose: KeyPurpose, wrong: str
) -> None:
    async with served(**keys) as client:
        receipt = (await client.post("/v1/diagnoses", json=child_body(), headers={"Idempotency-Key": "k"})).json()
        assert await reason(client) == "ok"
    name = f"intake_{purpose}_keys"
    async with served(**keys | {name: f"{1 if wrong == 'another key' else 2}:{new_key()}"}) as client:
        assert (await client.get("/readyz")).status_code == 503
        assert f"JOLDAMA_INTAKE_{purpose.upper()}_KEYS: version 1 is not" in await reason(client)
        assert await everything(client, receipt) == [503] * 6
        answer = await client.post(
            "/v1/diagnoses/bulk", json=child_body(), headers={"Content-Type": "application/x-ndjson"}
        )
        assert '"status":503' in answer.text
    database = Database(settings.intake_sql_url)
    assert len(await database.read(lambda s: s.execute(select(diagnoses)).all())) == 1
    await database.close()
    async with served(**keys) as client:
        assert await everything(client, receipt) == [409, 201, 200, 200, 200, 200]


async def test_a_running_process_stops_when_keys_that_it_lacks_become_active(
    served: Api, settings: IntakeSettings, keys: dict[str, str]
) -> None:
    async with served(**keys) as client:
        receipt = (await client.post("/v1/diagnoses", json=child_body())).json()
        database = Database(settings.intake_sql_url)
        row = {"purpose": "index", "version": 2, "check_value": b"of another process", "active": True}
        others = key_versions.update().where(key_versions.c.purpose == "index").values(active=False)
        await database.write(lambda s: (s.execute(others), s.execute(insert(key_versions).values(row))))
        assert await everything(client, receipt) == [503] * 6
        assert "INDEX_KEYS: version 2 is not configured" in await reason(client)
        await database.close()


async def test_a_childs_data_is_sealed_by_a_key_of_its_own(
    served: Api, settings: IntakeSettings, keys: dict[str, str]
) -> None:
    async with served(**keys) as client:
        for number in range(3):
            assert (
                await client.post("/v1/diagnoses", json=newborn(guardian__phone=f"+7701777777{number}"))
            ).status_code == 201
    database = Database(settings.intake_sql_url)
    rows = await database.read(lambda s: s.execute(select(child_keys)).all())
    assert len({row.child_id for row in rows}) == len({row.wrapped for row in rows}) == 3
    sealed = await database.read(lambda s: s.execute(select(diagnoses.c.sealed)).scalars().all())
    assert all(one.startswith(FORM) for one in sealed)
    await database.close()


def _sealed_of_old(key: bytes, child_id: UUID, plain: bytes) -> bytes:
    nonce = os.urandom(12)
    return _derive(key, "key id")[:4] + nonce + AESGCM(_derive(key, "seal")).encrypt(nonce, plain, child_id.bytes)


@pytest.fixture
def old(settings: IntakeSettings, new_database: Callable[[str], str]) -> tuple[IntakeSettings, dict[str, str], bytes]:
    """A database of before children had keys, with a child; the settings of its one key, and the key."""
    key, receipt = os.urandom(32), {"referral_id": str(uuid4()), "child_id": str(uuid4())}
    url = new_database("old")
    replace(HISTORY, head="0006").migrate(url)
    database, child_id = Database(url), UUID(receipt["child_id"])
    sent = submission()
    unversioned = {"intake_sql_url": url, "intake_data_key": base64.b64encode(key).decode()}
    found = IntakeSettings(**settings.model_dump() | unversioned)
    vault = AesVault(found.keys)
    index = vault.indexes(sent.child.iin or "")[UNVERSIONED]
    sealed = _sealed_of_old(key, child_id, sent.model_dump_json(exclude_none=True).encode())
    like = ("likeness", sent.child.birth_date.isoformat(), sent.child.sex.value, sent.guardian.phone)
    ids = (child_id, UUID(receipt["referral_id"]))
    bound, referral = (one if url.startswith("postgresql") else one.hex for one in ids)
    with database.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO child (child_id, iin_index, created_at, version) VALUES (:child_id, :index, 1, 1)"),
            {"child_id": bound, "index": index},
        )
        connection.execute(
            text(
                "INSERT INTO diagnosis (referral_id, child_id, polyclinic_id, submitted_at, priority, open_iin, "
                "open_likeness, sealed) VALUES (:referral_id, :child_id, 'p1', 1760000000000, 'routine', :index, "
                ":likeness, :sealed)"
            ),
            {
                "referral_id": referral, "child_id": bound, "index": index, "sealed": sealed,
                "likeness": vault.digests(*(one.encode() for one in like))[UNVERSIONED],
            },
        )  # fmt: skip
        connection.execute(
            text(
                "INSERT INTO audit (read_at, subject, role, org, action, child_id, referral_id, sealed_before, "
                "sealed_after) VALUES (1, 's', 'polyclinic', 'p1', 'diagnosis.correct', :child_id, :child_id, :a, :a)"
            ),
            {"child_id": bound, "a": sealed},
        )
    database.engine.dispose()
    HISTORY.migrate(url)
    return found, receipt, key


async def test_an_installation_with_one_key_goes_on_with_it(
    served: Api, old: tuple[IntakeSettings, dict[str, str], bytes], keys: dict[str, str]
) -> None:
    settings, receipt, key = old
    with_it = {"intake_sql_url": settings.intake_sql_url, "intake_data_key": base64.b64encode(key).decode()}
    for wrong in ({"intake_data_key": new_key()}, {"intake_data_key": ""} | keys):
        async with served(**with_it | wrong) as client:
            assert "JOLDAMA_INTAKE_DATA_KEY" in await reason(client)
            assert await everything(client, receipt) == [503] * 6
    for more in ({}, keys, {}):  # new ones are known, and not active before a rotation
        async with served(**with_it | more) as client:
            assert await reason(client) == "ok"
            found = await everything(client, receipt)
            assert (found[0], found[2:]) == (409, [200] * 4), more


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


async def test_only_operators_see_and_rotate_keys(served: Api, keys: dict[str, str]) -> None:
    for role in ("polyclinic", "center", "referral-worker"):
        async with served(role=role, **keys) as client:
            assert (await client.get("/v1/keys")).status_code == 403
            assert (await client.post("/v1/keys/rotate")).status_code == 403
