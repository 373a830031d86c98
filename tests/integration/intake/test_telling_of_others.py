"""Who is told of a child's referral, and who pays for it by the budget of look-ups: as the referral is whose it is."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from typing import Any

import httpx2
import orjson
import pytest

from services.contracts.vocabulary import ReferralState
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.integration.intake.test_possible_duplicates import possible, with_iin
from tests.unit.intake.samples import child_body, iin_of, newborn

ONE_LOOK_UP: dict[str, Any] = {"look_ups": {"organization": "1/hour"}}
BORN = newborn()["child"]["birth_date"]


@pytest.fixture
async def client(
    settings: IntakeSettings, referrals: ReferralsInMemory, token: Callable[..., str]
) -> AsyncIterator[Client]:
    """Clients of an intake that answers one look-up an organization."""
    app = create_api(IntakeSettings(**settings.model_dump() | {"limits": ONE_LOOK_UP}), referrals).inside
    opened: list[httpx2.AsyncClient] = []

    def make(role: str, org: str = "") -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {token(role, org)}"}
        transport = httpx2.ASGITransport(app)
        opened.append(httpx2.AsyncClient(transport=transport, base_url="http://intake", headers=headers))
        return opened[-1]

    async with app.router.lifespan_context(app):
        yield make
    for one in opened:
        await one.aclose()


async def submit(who: httpx2.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await who.post("/v1/diagnoses", json=body)
    assert answer.status_code == 201, answer.text
    receipt: dict[str, Any] = answer.json()
    return receipt


async def told(who: httpx2.AsyncClient, body: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Status, code and referral that is named, or "", of the answers to a submission that is sent three times."""
    answers = [await who.post("/v1/diagnoses", json=body) for _ in range(3)]
    return [(one.status_code, one.json()["code"], one.json().get("referral_id", "")) for one in answers]


def named(receipt: dict[str, Any]) -> list[tuple[int, str, str]]:
    """It is its own: named each time, and free."""
    return [(409, "open_referral_exists", receipt["referral_id"])] * 3


UNNAMED = [(409, "open_referral_exists", ""), (429, "too_many_requests", ""), (429, "too_many_requests", "")]
"""It is another's: told once, unnamed, for the one look-up that there is."""


@pytest.fixture
def first(client: Client) -> httpx2.AsyncClient:
    return client("polyclinic", "p1")


@pytest.fixture
def second(client: Client) -> httpx2.AsyncClient:
    return client("polyclinic", "p2")


async def test_an_own_duplicate_is_named_and_free_and_another_s_is_neither(
    first: httpx2.AsyncClient, second: httpx2.AsyncClient
) -> None:
    receipt = await submit(first, child_body())
    assert await told(first, child_body()) == named(receipt)
    assert await told(second, child_body()) == UNNAMED


async def test_after_a_transfer_it_is_the_other_way_round(
    client: Client, first: httpx2.AsyncClient, second: httpx2.AsyncClient
) -> None:
    receipt = await submit(first, child_body())
    wanted = {name: child_body()["child"][name] for name in ("iin", "full_name", "birth_date")}
    asker = client("polyclinic", "p2")
    await asker.post("/v1/transfers", json=wanted)
    [asked] = (await asker.get("/v1/transfers")).json()["items"]
    await first.post(f"/v1/transfers/{asked['transfer_id']}/accept")
    assert await told(second, child_body()) == named(receipt)
    assert await told(first, child_body()) == UNNAMED


@pytest.mark.parametrize("farther", [0, 1])
async def test_after_a_join_of_two_polyclinics_children_it_is_whose_referral_stays_by_the_referral_service(
    client: Client, referrals: ReferralsInMemory, first: httpx2.AsyncClient, second: httpx2.AsyncClient, farther: int
) -> None:
    """Intake names the one to stay by what it knew; meanwhile the other may have come farther, and stays."""
    body = with_iin(BORN)
    receipts = [await submit(first, newborn()), await submit(second, body)]
    path = f"/v1/children/{receipts[0]['child_id']}/join"
    joined = await client("operator").post(path, json={"child_id": receipts[1]["child_id"]})
    assert joined.json()["referral_id"] == receipts[0]["referral_id"], joined.text
    referrals.set(receipts[farther], ReferralState.OFFERED)
    referrals.set(receipts[1 - farther], ReferralState.CANCELLED)
    holder, other = (first, second) if farther == 0 else (second, client("polyclinic", "p1"))
    assert await told(holder, body) == named(receipts[farther])
    assert await told(client("polyclinic", "p3"), body) == UNNAMED
    if farther == 0:
        spent = await other.post("/v1/diagnoses", json=body)
        assert spent.status_code == 429, "its one look-up went for the warning of the other's"
    else:
        assert await told(other, body) == UNNAMED


async def test_after_a_cancel_nobody_is_told_anything_and_nothing_is_spent(
    referrals: ReferralsInMemory, first: httpx2.AsyncClient, second: httpx2.AsyncClient
) -> None:
    cancelled = await submit(first, child_body())
    for who in (second, first, second):
        referrals.set(cancelled, ReferralState.CANCELLED)
        cancelled = await submit(who, child_body())
    await submit(first, child_body(1))
    assert await told(second, child_body(1)) == UNNAMED


async def test_an_own_duplicate_is_free_also_when_another_polyclinic_has_a_child_alike(
    first: httpx2.AsyncClient, second: httpx2.AsyncClient
) -> None:
    receipt = await submit(first, with_iin(BORN))
    await submit(second, newborn(not_duplicate_of=[]))
    assert await told(first, with_iin(BORN)) == named(receipt)


async def test_a_possible_duplicate_that_names_an_own_one_is_free(
    first: httpx2.AsyncClient, second: httpx2.AsyncClient
) -> None:
    own = await submit(first, newborn())
    await submit(second, newborn(not_duplicate_of=[]))
    for _ in range(3):
        answer = await first.post("/v1/diagnoses", json=newborn())
        assert (answer.status_code, answer.json()["referral_ids"]) == (409, [own["referral_id"]]), answer.text
        assert "another" not in answer.json()["detail"].partition("). ")[0]


async def test_a_warning_of_another_s_child_costs_a_look_up_and_beyond_the_budget_it_is_not_given(
    first: httpx2.AsyncClient, second: httpx2.AsyncClient
) -> None:
    phone: dict[str, Any] = {"guardian__phone": "+77019999999"}
    await submit(first, newborn())
    await submit(first, newborn(**phone))
    assert len(possible(await second.post("/v1/diagnoses", json=with_iin(BORN)))) == 1
    other = child_body(child__iin=iin_of(date.fromisoformat(BORN), "female", 40), child__birth_date=BORN, **phone)
    answer = await second.post(
        "/v1/diagnoses/bulk", content=orjson.dumps(other), headers={"Content-Type": "application/x-ndjson"}
    )
    line = orjson.loads(answer.content)
    assert (line["status"], line["warnings"]) == (201, []), "recorded, and its one look-up is spent"
    third = child_body(child__iin=iin_of(date.fromisoformat(BORN), "female", 80), child__birth_date=BORN, **phone)
    assert possible(await second.post("/v1/diagnoses", json=third)) == []
