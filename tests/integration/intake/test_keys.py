"""A wrong or missing key is noticed before anything is taken; keys of before there were versions go on."""

import base64

import pytest
from sqlalchemy import insert, select

from services.intake.adapters.aes_vault import FORM
from services.intake.adapters.tables import child_keys, diagnoses, key_versions
from services.intake.domain.keys import KeyPurpose
from services.intake.settings import IntakeSettings
from services.kit.sql.database import Database
from tests.integration.intake.key_rings import Api, everything, new_key, reason
from tests.unit.intake.samples import child_body, newborn


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


async def test_only_operators_see_and_rotate_keys(served: Api, keys: dict[str, str]) -> None:
    for role in ("polyclinic", "center", "referral-worker"):
        async with served(role=role, **keys) as client:
            assert (await client.get("/v1/keys")).status_code == 403
            assert (await client.post("/v1/keys/rotate")).status_code == 403
