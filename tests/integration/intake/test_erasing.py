"""Erasing a child: who may, when, and that nothing of it opens or is found again."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import select, text

from services.contracts.vocabulary import ReferralState
from services.intake.adapters.aes_vault import Unreadable
from services.intake.adapters.tables import answered, child_keys, children, corrected_data, diagnoses
from services.intake.bootstrap import Intake
from services.intake.domain.keys import Purpose
from services.kit.sql.database import Database
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body, newborn


@pytest.fixture
async def receipt(polyclinic: httpx2.AsyncClient) -> dict[str, Any]:
    """A child with an open referral, which was corrected once."""
    answer = await polyclinic.post("/v1/diagnoses", json=child_body(), headers={"Idempotency-Key": "k"})
    found: dict[str, Any] = answer.json()
    patch = {"guardian": {"phone": "+77019999999"}}
    assert (await polyclinic.patch(f"/v1/children/{found['child_id']}", json=patch)).status_code == 200
    return found


async def rows_of(intake: Intake, table: Any) -> list[Any]:
    return list(await intake.database.read(lambda session: session.execute(select(table)).all()))


async def erase(client: httpx2.AsyncClient, child_id: str) -> httpx2.Response:
    return await client.post(f"/v1/children/{child_id}/erase")


async def test_an_open_referral_is_to_be_cancelled_first(
    polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    refused = await erase(polyclinic, receipt["child_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "referral_open")
    assert refused.json()["referral_id"] == receipt["referral_id"]
    assert (await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")).status_code == 200


async def test_only_who_holds_the_child_or_an_administrator_may(
    client: Client, polyclinic: httpx2.AsyncClient, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    referrals.set(receipt, ReferralState.CANCELLED)
    for role, status in (("center", 403), ("operator", 403), ("service", 403)):
        assert (await erase(client(role, "p1"), receipt["child_id"])).status_code == status
    assert (await erase(client("polyclinic"), receipt["child_id"])).status_code == 403
    assert (await erase(client("polyclinic", "p2"), receipt["child_id"])).status_code == 404
    assert (await erase(client("admin"), str(uuid4()))).status_code == 404
    again = (await client("polyclinic", "p2").post("/v1/diagnoses", json=child_body())).json()
    referrals.set(again, ReferralState.COMPLETED)
    refused = await erase(polyclinic, receipt["child_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "shared_child")
    answer = await erase(client("admin"), receipt["child_id"])
    assert (answer.status_code, answer.json()["referrals"]) == (200, 2)


async def test_nothing_of_an_erased_child_opens_or_is_found_and_the_figures_stay(
    polyclinic: httpx2.AsyncClient, intake: Intake, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    child_id, referral_id = UUID(receipt["child_id"]), UUID(receipt["referral_id"])
    referrals.set(receipt, ReferralState.CANCELLED)
    [before], [data] = await rows_of(intake, diagnoses), await rows_of(intake, corrected_data)
    answer = await erase(polyclinic, receipt["child_id"])
    assert (answer.status_code, answer.json()["child_id"]) == (200, receipt["child_id"])

    [after], [child] = await rows_of(intake, diagnoses), await rows_of(intake, children)
    for table in (child_keys, corrected_data, answered):
        assert await rows_of(intake, table) == []
    assert (child.iin_index, after.open_iin, after.open_likeness, after.sealed) == (None, None, None, b"")
    for kept in ("referral_id", "child_id", "polyclinic_id", "submitted_at", "priority"):
        assert getattr(after, kept) == getattr(before, kept)
    for sealed in (before.sealed, data.sealed_before, data.sealed_after):
        for key in (intake.keys.vault.key_of(child_id, None, None), intake.keys.vault.new_key(child_id)):
            with pytest.raises(Unreadable):
                key.open(Purpose.SUBMISSION, referral_id, sealed)

    for path in (f"/v1/diagnoses/{referral_id}", f"/v1/children/{child_id}"):
        assert (await polyclinic.get(path)).status_code == 404
        assert (await polyclinic.patch(path, json={"child": {"full_name": "Үлгі"}})).status_code in (404, 422)
    looked_up = await polyclinic.post("/v1/children/lookup", json={"iin": child_body()["child"]["iin"]})
    assert looked_up.status_code == 404
    acts = [row["act"] for row in await intake.audit_trail.entries(str(child_id), 0, 100) if not row["refused"]]
    assert acts[-1] == "erase_child"


async def test_repeating_it_changes_nothing_and_submitted_again_it_is_another_child(
    polyclinic: httpx2.AsyncClient, intake: Intake, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    referrals.set(receipt, ReferralState.CANCELLED)
    first, second = await erase(polyclinic, receipt["child_id"]), await erase(polyclinic, receipt["child_id"])
    assert first.json() == second.json()
    again = await polyclinic.post("/v1/diagnoses", json=child_body(), headers={"Idempotency-Key": "k"})
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again.headers
    assert again.json()["child_id"] != receipt["child_id"]
    assert again.json()["referral_id"] != receipt["referral_id"]


async def test_whoever_was_joined_into_the_child_is_erased_with_it(
    polyclinic: httpx2.AsyncClient, intake: Intake, referrals: ReferralsInMemory
) -> None:
    one = (await polyclinic.post("/v1/diagnoses", json=newborn())).json()
    body = newborn(not_duplicate_of=[one["referral_id"]])
    two = (await polyclinic.post("/v1/diagnoses", json=body)).json()
    join = {"child_id": two["child_id"]}
    assert (await polyclinic.post(f"/v1/children/{one['child_id']}/join", json=join)).status_code == 200
    for receipt in (one, two):
        referrals.set(receipt, ReferralState.CANCELLED)
    answer = await erase(polyclinic, two["child_id"])
    assert (answer.json()["child_id"], answer.json()["referrals"]) == (one["child_id"], 2)
    assert await rows_of(intake, child_keys) == []
    assert await rows_of(intake, corrected_data) == []


async def test_the_files_of_the_database_have_no_copy_of_the_key(
    polyclinic: httpx2.AsyncClient, intake: Intake, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    database: Database = intake.database
    if not database.is_sqlite:
        file = text("SELECT pg_relation_filenode('child_key')")  # its files are the server's
        before = await database.read(lambda session: session.execute(file).scalar())
        await database.scrub(child_keys.name)
        assert before != await database.read(lambda session: session.execute(file).scalar())
        return
    [key] = await rows_of(intake, child_keys)
    referrals.set(receipt, ReferralState.CANCELLED)

    def files() -> bytes:
        main = database.url.removeprefix("sqlite:///")
        return b"".join(Path(f"{main}{end}").read_bytes() for end in ("", "-wal"))

    assert key.wrapped in files()
    assert (await erase(polyclinic, receipt["child_id"])).status_code == 200
    assert key.wrapped not in files()
