"""Notes: sealed by the child's key, written and read by who has the child, and gone with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import insert, inspect, select, text

from services.contracts.vocabulary import ReferralState
from services.intake.adapters.tables import notes
from services.intake.bootstrap import Intake
from services.intake.entrypoints.move_notes import MovingSettings, move
from services.intake.handlers.notes import MOST
from services.intake.settings import IntakeSettings
from services.kit.sql.database import Database
from services.referral.adapters.history import HISTORY as REFERRAL
from services.referral.adapters.rows import referral_values
from services.referral.adapters.tables import HistoryRow, ReferralRow, table
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body, newborn
from tests.unit.referral.samples import NOW
from tests.unit.referral.samples import referral as sample

TEXT = "Айша Сынақова: call her aunt, +7 701 123 45 67"


@pytest.fixture
async def receipt(polyclinic: httpx2.AsyncClient, referrals: ReferralsInMemory) -> dict[str, Any]:
    """A child who is offered to c1."""
    found: dict[str, Any] = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    referrals.set(found, ReferralState.OFFERED, "c1")
    return found


def path(receipt: dict[str, Any]) -> str:
    return f"/v1/diagnoses/{receipt['referral_id']}/notes"


async def write(client: httpx2.AsyncClient, receipt: dict[str, Any], words: str = TEXT) -> str:
    answer = await client.post(path(receipt), json={"text": words})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["note_id"])


async def texts(client: httpx2.AsyncClient, receipt: dict[str, Any]) -> list[str] | int:
    answer = await client.get(path(receipt))
    return [one["text"] for one in answer.json()["items"]] if answer.status_code == 200 else answer.status_code


async def rows_of(intake: Intake) -> list[Any]:
    return list(await intake.database.read(lambda session: session.execute(select(notes)).all()))


async def test_a_note_is_sealed_and_read_with_its_author(
    client: Client, polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    id = await write(client("center", "c1"), receipt)
    [row] = await rows_of(intake)
    assert (row.note_id, row.role, row.org) == (UUID(id), "center", "c1")
    assert "Айша".encode() not in row.sealed
    own, theirs = [(await one.get(path(receipt))).json() for one in (client("center", "c1"), polyclinic)]
    assert (own["items"][0]["text"], own["items"][0]["author"]) == (TEXT, "center:c1/center-1")
    assert (theirs["items"][0]["text"], theirs["items"][0]["author"]) == (TEXT, "center:c1")
    acts = [(row["act"], row["org"]) for row in await intake.audit_trail.entries(receipt["child_id"], 0, 100)]
    assert acts[1:] == [("write_note", "c1"), ("read_notes", "c1"), ("read_notes", "p1")]


async def test_each_reads_what_it_may(
    client: Client, polyclinic: httpx2.AsyncClient, referrals: ReferralsInMemory, receipt: dict[str, Any]
) -> None:
    first, second, operator = client("center", "c1"), client("center", "c2"), client("operator")
    await write(polyclinic, receipt, "from p1")
    await write(operator, receipt, "from an operator")
    await write(first, receipt, "from c1")
    assert await texts(polyclinic, receipt) == ["from p1", "from an operator", "from c1"]
    assert await texts(first, receipt) == ["from p1", "from an operator", "from c1"]
    assert await texts(second, receipt) == 404
    referrals.set(receipt, ReferralState.OFFERED, "c2")
    assert await texts(first, receipt) == ["from c1"], "it has the child no longer"
    assert await texts(second, receipt) == ["from p1", "from an operator"], "none of another center"
    assert await texts(operator, receipt) == 403
    assert await texts(client("polyclinic", "p2"), receipt) == 404
    assert await texts(client("admin"), receipt) == 403


async def test_who_has_not_the_child_writes_none(
    client: Client, referrals: ReferralsInMemory, intake: Intake, receipt: dict[str, Any]
) -> None:
    strangers = [("center", "c2"), ("polyclinic", "p2"), ("polyclinic", "c1"), ("center", "p1")]
    for role, org in strangers:
        answer = await client(role, org).post(path(receipt), json={"text": TEXT})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    referrals.set(receipt, ReferralState.COMPLETED)
    assert (await client("center", "c1").post(path(receipt), json={"text": TEXT})).status_code == 404
    answer = await client("operator").post(f"/v1/diagnoses/{uuid4()}/notes", json={"text": TEXT})
    assert answer.status_code == 404
    referrals.away = True
    assert (await client("operator").post(path(receipt), json={"text": TEXT})).status_code == 503
    assert await rows_of(intake) == []


async def test_after_a_withdrawn_consent_no_center_reads_or_writes(
    client: Client, polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    center = client("center", "c1")
    await write(center, receipt)
    await polyclinic.post(f"/v1/children/{receipt['child_id']}/withdraw-consent")
    assert await texts(center, receipt) == 404
    assert (await center.post(path(receipt), json={"text": TEXT})).status_code == 404
    assert await texts(polyclinic, receipt) == [TEXT]


async def test_a_note_is_short_and_a_referral_has_not_too_many(
    polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    for wrong in ({}, {"text": ""}, {"text": " "}, {"text": "x" * 501}, {"text": "\x00"}, {"text": "x", "by": "me"}):
        answer = await polyclinic.post(path(receipt), json=wrong)
        assert answer.status_code == 422, wrong
        assert "x" * 20 not in answer.text
    for _ in range(MOST):
        await write(polyclinic, receipt)
    refused = await polyclinic.post(path(receipt), json={"text": TEXT})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_notes")


async def test_notes_of_joined_children_are_read_and_erased_with_them(
    polyclinic: httpx2.AsyncClient, intake: Intake, referrals: ReferralsInMemory
) -> None:
    one = (await polyclinic.post("/v1/diagnoses", json=newborn())).json()
    two = (await polyclinic.post("/v1/diagnoses", json=newborn(not_duplicate_of=[one["referral_id"]]))).json()
    await write(polyclinic, two, "before")
    await polyclinic.post(f"/v1/children/{one['child_id']}/join", json={"child_id": two["child_id"]})
    await write(polyclinic, two, "after")
    assert await texts(polyclinic, two) == ["before", "after"]
    for receipt in (one, two):
        referrals.set(receipt, ReferralState.CANCELLED)
    assert (await polyclinic.post(f"/v1/children/{one['child_id']}/erase")).status_code == 200
    assert await rows_of(intake) == []
    assert await texts(polyclinic, two) == 404


async def test_notes_of_an_earlier_release_are_moved_once_and_those_of_the_erased_deleted(
    client: Client,
    polyclinic: httpx2.AsyncClient,
    settings: IntakeSettings,
    new_database: Callable[[str], str],
    receipt: dict[str, Any],
) -> None:
    url = new_database("referral_notes")
    replace(REFERRAL, head="0008").migrate(url)
    old, known, other = Database(url), UUID(receipt["referral_id"]), uuid4()
    rows = (
        (known, 1, "center:c1/nurse-7", "decline", "Айша has the flu"),
        (known, 2, "polyclinic:p1", "correct", "child.iin"),
        (other, 1, "center:c1", "accept", "Nobody knows Берік"),
    )
    with old.engine.begin() as connection:
        then = {one["name"] for one in inspect(connection).get_columns("referrals")}
        values = {name: value for name, value in referral_values(sample()).items() if name in then}
        for id in (known, other):
            connection.execute(insert(table(ReferralRow)).values(values | {"id": str(id)}))
        for id, version, actor, command, words in rows:
            step = {"actor": actor, "command": command, "from_state": "offered", "to_state": "offered", "note": words}
            place = {"referral_id": str(id), "version": version, "at": NOW}
            connection.execute(insert(table(HistoryRow)).values(place | step))
    REFERRAL.migrate(url)
    moving = MovingSettings(**settings.model_dump() | {"referral_sql_url": url})
    assert [await move(moving), await move(moving)] == [2, 0]
    with old.engine.begin() as connection:
        found = connection.execute(text("SELECT note, detail, note_id FROM history ORDER BY at, version, note_id"))
        kept = [tuple(one) for one in found]
    await old.close()
    assert [one[0] for one in kept] == [None] * 3
    assert sorted(str(one[1]) for one in kept) == ["None", "None", "child.iin"]
    [note_id] = [one[2] for one in kept if one[2]]
    items = (await client("center", "c1").get(path(receipt))).json()["items"]
    assert [(one["note_id"], one["text"], one["author"]) for one in items] == [
        (note_id, "Айша has the flu", "center:c1/nurse-7")
    ]
    assert await texts(client("center", "c2"), receipt) == 404
