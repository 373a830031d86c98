"""Transfers: who asks learns nothing, the holder or an operator decides, and the referral goes whole."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import select, update

from services.contracts.events import DiagnosisCorrectedV1, read_event
from services.contracts.vocabulary import ReferralState
from services.contracts.working_days import KAZAKHSTAN
from services.intake.adapters.moments import to_ms
from services.intake.adapters.sql_transfers import count_overdue
from services.intake.adapters.tables import outbox, transfers
from services.intake.bootstrap import Intake
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body, iin_of


def wanted(**changes: Any) -> dict[str, Any]:
    child = child_body()["child"]
    return {name: child[name] for name in ("iin", "full_name", "birth_date")} | changes


@pytest.fixture
async def receipt(polyclinic: httpx2.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    return found


@pytest.fixture
async def second(client: Client) -> httpx2.AsyncClient:
    return client("polyclinic", "p2")


async def overdue(intake: Intake) -> int:
    return await count_overdue(intake.database, intake.transferring.now())


async def acts(intake: Intake) -> list[tuple[str, ...]]:
    """Act, role, organization and refusal of each entry about a transfer, with the referral that it is about."""
    rows = await intake.audit_trail.entries(None, 0, 500)
    found = [one for one in rows if one["act"].endswith("_transfer")]
    return [(one["act"], one["role"], one["org"], one["refused"], one["referral_id"]) for one in found]


async def listed(who: httpx2.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await who.get("/v1/transfers", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def counted(who: httpx2.AsyncClient, **query: Any) -> int:
    """All of the list, of which a page has one."""
    answer = await who.get("/v1/transfers", params={"limit": 1, **query})
    return int(answer.headers["X-Total-Count"])


async def test_those_that_a_polyclinic_may_decide_are_listed_and_counted_apart(
    client: Client, polyclinic: httpx2.AsyncClient, second: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    third, operator = client("polyclinic", "p3"), client("operator", "")
    for asker in (second, third):
        await asker.post("/v1/transfers", json=wanted())
    assert [one["to_polyclinic"] for one in await listed(polyclinic, to_decide=True)] == ["p2", "p3"]
    assert [await counted(one, to_decide=True) for one in (polyclinic, second, operator)] == [2, 0, 2]
    assert [await counted(one) for one in (polyclinic, second, operator)] == [2, 1, 2]
    first = (await listed(polyclinic))[0]["transfer_id"]
    await polyclinic.post(f"/v1/transfers/{first}/refuse")
    assert [await counted(one, to_decide=True) for one in (polyclinic, operator)] == [1, 1], "what is decided is not"
    assert await counted(polyclinic) == 2, "it stays in the whole list"


async def test_an_accepted_transfer_gives_the_child_to_the_other_polyclinic_and_takes_it_from_the_first(
    referrals: ReferralsInMemory,
    client: Client,
    polyclinic: httpx2.AsyncClient,
    second: httpx2.AsyncClient,
    intake: Intake,
    receipt: dict[str, Any],
) -> None:
    referrals.set(receipt, ReferralState.OFFERED)
    path = f"/v1/diagnoses/{receipt['referral_id']}"
    assert (await second.post("/v1/transfers", json=wanted())).status_code == 202
    [asked] = await listed(second)
    assert (asked["state"], asked["referral_id"], asked["holder"]) == ("asked", None, None)
    [to_answer] = await listed(polyclinic)
    assert (to_answer["to_polyclinic"], to_answer["referral_id"]) == ("p2", receipt["referral_id"])
    assert (await second.get(path)).status_code == 404
    assert (await second.post(f"/v1/transfers/{asked['transfer_id']}/accept")).status_code == 404, "not its to decide"
    for _ in range(2):
        done = await polyclinic.post(f"/v1/transfers/{asked['transfer_id']}/accept")
        assert (done.status_code, done.json()["state"]) == (200, "accepted"), done.text
    refused = await polyclinic.post(f"/v1/transfers/{asked['transfer_id']}/refuse")
    assert (refused.status_code, refused.json()["code"]) == (409, "already_decided")
    assert (await polyclinic.get(path)).status_code == 404
    assert (await polyclinic.get(f"/v1/children/{receipt['child_id']}")).status_code == 404
    read = await second.get(path)
    assert (read.status_code, read.json()["polyclinic_id"]) == (200, "p2")
    assert read.json()["child"] == child_body()["child"]
    assert (await client("center", "c1").get(path)).status_code == 200, "the center keeps its offer"
    own = await second.post("/v1/diagnoses", json=child_body())
    assert (own.status_code, own.json()["referral_id"]) == (409, receipt["referral_id"])
    corrected = await second.patch(path, json={"diagnosis": {"gmfcs": "IV"}})
    assert corrected.status_code == 200, corrected.text
    query = select(outbox.rows.c.payload).order_by(outbox.rows.c.sequence)
    payloads = await intake.database.read(lambda s: s.execute(query).scalars().all())
    events = [one.data for raw in payloads if (one := read_event(raw)) and isinstance(one.data, DiagnosisCorrectedV1)]
    assert [(one.polyclinic_id, one.version, one.corrected) for one in events] == [
        ("p2", 2, ("polyclinic_id",)), ("p2", 3, ("diagnosis.gmfcs",)),
    ]  # fmt: skip
    id = receipt["referral_id"]
    assert sorted(await acts(intake)) == sorted([
        ("ask_for_transfer", "polyclinic", "p2", "", id), ("accept_transfer", "polyclinic", "p2", "not_found", id),
        ("accept_transfer", "polyclinic", "p1", "", id), ("accept_transfer", "polyclinic", "p1", "", id),
        ("refuse_transfer", "polyclinic", "p1", "already_decided", id),
    ])  # fmt: skip


@pytest.mark.parametrize("changes", [{"full_name": "Басқа Бала"}, {"birth_date": "2019-01-01"}, {"iin": "other"}])
async def test_what_does_not_agree_gets_the_same_answer_and_nothing_happens(
    second: httpx2.AsyncClient, polyclinic: httpx2.AsyncClient, receipt: dict[str, Any], changes: dict[str, str]
) -> None:
    if "iin" in changes:
        changes = {"iin": iin_of(date.fromisoformat(wanted()["birth_date"]), "female", 77)}
    wrong = await second.post("/v1/transfers", json=wanted(**changes))
    own = await polyclinic.post("/v1/transfers", json=wanted())
    assert await listed(second) == await listed(polyclinic) == []
    right = await second.post("/v1/transfers", json=wanted(full_name=f"  {wanted()['full_name'].upper()} "))
    assert (wrong.status_code, wrong.content) == (own.status_code, own.content) == (right.status_code, right.content)
    assert wrong.status_code == 202
    assert len(await listed(second)) == 1


async def test_a_refused_transfer_leaves_the_child_and_may_be_asked_for_again(
    second: httpx2.AsyncClient, polyclinic: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    for _ in range(2):  # asking again while it waits is one transfer
        await second.post("/v1/transfers", json=wanted())
    [asked] = await listed(second)
    refused = await polyclinic.post(f"/v1/transfers/{asked['transfer_id']}/refuse")
    assert (refused.status_code, refused.json()["state"]) == (200, "refused")
    assert (await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")).status_code == 200
    await second.post("/v1/transfers", json=wanted())
    assert [one["state"] for one in await listed(second)] == ["refused", "asked"]


async def test_the_holder_has_three_working_days_and_then_it_is_on_the_operators_worklist(
    client: Client, second: httpx2.AsyncClient, intake: Intake, receipt: dict[str, Any]
) -> None:
    operator = client("operator", "")
    await second.post("/v1/transfers", json=wanted())
    [one] = await listed(operator)
    at = intake.transferring.now()
    due = KAZAKHSTAN.after(at, timedelta(days=3))
    assert abs(due.timestamp() - _moment(one["answer_by"])) < 5
    assert (one["overdue"], await listed(operator, overdue=True)) == (False, [])
    assert await overdue(intake) == 0
    passed = update(transfers).values(answer_by=to_ms(at))
    await intake.database.write(lambda session: session.execute(passed))
    [late] = await listed(operator, overdue=True)
    assert (late["overdue"], late["holder"], late["to_polyclinic"]) == (True, "p1", "p2")
    assert await overdue(intake) == 1, "an alert rings"
    assert await counted(client("polyclinic", "p1"), overdue=True, to_decide=True) == 1
    assert await counted(second, overdue=True, to_decide=True) == 0, "it waits for the other one's answer"
    assert await counted(operator, overdue=True) == 1
    done = await operator.post(f"/v1/transfers/{late['transfer_id']}/accept")
    assert (done.status_code, done.json()["state"]) == (200, "accepted")
    assert (await second.get(f"/v1/diagnoses/{receipt['referral_id']}")).status_code == 200
    assert await listed(operator, overdue=True) == []
    assert await overdue(intake) == 0, "what is decided is not overdue"


def _moment(text: str) -> float:

    return datetime.fromisoformat(text).timestamp()


async def test_a_referral_that_closed_meanwhile_is_not_transferred(
    referrals: ReferralsInMemory, second: httpx2.AsyncClient, polyclinic: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    await second.post("/v1/transfers", json=wanted())
    [asked] = await listed(second)
    referrals.away = True
    assert (await polyclinic.post(f"/v1/transfers/{asked['transfer_id']}/accept")).status_code == 503
    assert (await second.post("/v1/transfers", json=wanted())).status_code == 503
    referrals.away = False
    referrals.set(receipt, ReferralState.COMPLETED)
    done = await polyclinic.post(f"/v1/transfers/{asked['transfer_id']}/accept")
    assert done.json()["state"] == "over"
    assert (await polyclinic.get(f"/v1/diagnoses/{receipt['referral_id']}")).status_code == 200
    assert (await second.post("/v1/diagnoses", json=child_body())).status_code == 201


async def test_strangers_decide_nothing_and_pages_have_cursors(
    client: Client, second: httpx2.AsyncClient, receipt: dict[str, Any]
) -> None:
    await second.post("/v1/transfers", json=wanted())
    await client("polyclinic", "p3").post("/v1/transfers", json=wanted())
    third = client("polyclinic", "p4")
    assert await listed(third) == []
    operator = client("operator", "")
    first = (await operator.get("/v1/transfers", params={"limit": 1})).json()
    rest = (await operator.get("/v1/transfers", params={"limit": 1, "cursor": first["next"]})).json()
    assert ({one["to_polyclinic"] for one in first["items"] + rest["items"]}, rest["next"]) == ({"p2", "p3"}, None)
    id = first["items"][0]["transfer_id"]
    for verb in ("accept", "refuse"):
        assert (await third.post(f"/v1/transfers/{id}/{verb}")).status_code == 404
        assert (await third.post(f"/v1/transfers/{uuid4()}/{verb}")).status_code == 404
    await operator.post(f"/v1/transfers/{id}/accept")
    states = {one["to_polyclinic"]: one["state"] for one in await listed(operator)}
    assert states == {"p2": "accepted", "p3": "over"}
    assert UUID(receipt["referral_id"])
