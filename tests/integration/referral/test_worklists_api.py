"""`/v1/worklists/…`: what waits for whom, in order, counted, page by page."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest

from services.contracts.vocabulary import Priority
from services.kit.http.pages import write_cursor
from services.referral.domain.life import Command
from services.referral.domain.referral import Escalation
from tests.integration.referral.country import Country, problem

Client = Callable[..., httpx2.AsyncClient]
CENTER_LISTS = ("to-answer", "to-admit", "in-care")


async def listed(client: httpx2.AsyncClient, name: str, **query: object) -> tuple[list[int], int]:
    """The referrals of a page, and the count of the whole list."""
    answer = await client.get(f"/v1/worklists/{name}", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [UUID(one["id"]).int for one in answer.json()["items"]], int(answer.headers["x-total-count"])


@pytest.fixture
async def busy(country: Country) -> Country:
    """`near` has 1 to answer, 2 to admit and 3 in care; `far` has 4 to answer; 5 waits; 6 is unplaceable."""
    await country.open("near", places=3)
    await country.open("far", places=1, settlement="far")
    await country.submit(1, 2, 3, 4, 5)
    await country.submit(6, icd10="F84.0")
    await country.accept(2)
    await country.admit(3)
    await country.deliver()
    return country


async def test_referrals_are_counted_by_state_for_their_polyclinic_and_for_operators(
    busy: Country, client: Client
) -> None:
    expected = {"offered": 2, "accepted": 1, "admitted": 1, "waiting": 1, "unplaceable": 1}
    for reader in (client("polyclinic", org="p1"), client("operator")):
        counted = (await reader.get("/v1/referrals/counts")).json()
        assert {one["state"]: one["count"] for one in counted if one["count"]} == expected
        assert len(counted) == 9, "every state, also the empty ones"
    others = (await client("polyclinic", org="p2").get("/v1/referrals/counts")).json()
    assert sum(one["count"] for one in others) == 0, "another polyclinic's are not told"
    assert (await client("center", org="near").get("/v1/referrals/counts")).status_code == 403


async def test_the_escalated_are_counted_by_reason_for_operators(busy: Country, client: Client) -> None:
    counted = (await client("operator").get("/v1/worklists/escalated/counts")).json()
    assert {one["reason"]: one["count"] for one in counted if one["count"]} == {"unplaceable": 1}
    assert len(counted) == len(Escalation), "every reason, also those with none"
    assert (await client("polyclinic", org="p1").get("/v1/worklists/escalated/counts")).status_code == 403


async def test_what_is_past_its_deadline_is_counted(busy: Country, client: Client) -> None:
    async def overdue() -> int:
        counted = (await client("operator").get("/v1/referrals/counts")).json()
        return sum(one["overdue"] for one in counted)

    assert await overdue() == 6, "every open referral has a deadline, long before today's clock of the API"
    await busy.act(5, Command.CANCEL, "other")
    assert await overdue() == 5, "what is closed has none"


async def test_a_center_sees_its_own_three_lists(busy: Country, client: Client) -> None:
    near, far = client("center", org="near"), client("center", org="far")
    assert [await listed(near, name) for name in CENTER_LISTS] == [([1], 1), ([2], 1), ([3], 1)]
    assert [await listed(far, name) for name in CENTER_LISTS] == [([4], 1), ([], 0), ([], 0)]
    assert await listed(far, "to-answer", center_id="far") == ([4], 1)
    for others in ({"center_id": "near"}, {"polyclinic_id": "p1"}):
        answer = await far.get("/v1/worklists/to-answer", params=others)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), "another's list, not its own in place"
    of_nobody = await client("center", org="").get("/v1/worklists/to-answer")
    assert (of_nobody.status_code, of_nobody.json()["code"]) == (403, "forbidden")


async def test_an_operator_sees_any_centers_lists_and_the_escalated(busy: Country, client: Client) -> None:
    operator = client("operator")
    assert await listed(operator, "to-answer") == ([1, 4], 2)
    assert await listed(operator, "to-answer", center_id="near") == ([1], 1)
    assert await listed(operator, "escalated") == ([6], 1)


async def test_a_polyclinic_sees_its_own_children_who_did_not_come(busy: Country, client: Client) -> None:
    await busy.act(2, Command.NO_SHOW, "no_transport")
    assert await listed(client("polyclinic", org="p1"), "to-offer-again") == ([2], 1)
    assert await listed(client("polyclinic", org="p2"), "to-offer-again", polyclinic_id="p2") == ([], 0)
    assert await listed(client("operator"), "to-offer-again", polyclinic_id="p1") == ([2], 1)
    assert await listed(client("operator"), "to-offer-again") == ([2], 1)
    await busy.act(2, Command.OFFER_AGAIN)
    assert await listed(client("polyclinic", org="p1"), "to-offer-again") == ([], 0)


async def test_whoever_is_past_a_deadline_joins_the_escalated_behind_those_before(
    busy: Country, client: Client
) -> None:
    await busy.pass_time(days=31)
    operator = client("operator")
    found, total = await listed(operator, "escalated")
    assert (set(found), total) == ({2, 3, 5, 6}, 4)
    await busy.act(6, Command.CANCEL, "other")
    assert (await listed(operator, "escalated"))[1] == 3


async def test_the_most_urgent_is_first(country: Country, client: Client) -> None:
    await country.open("near", places=4)
    await country.submit(1, 2)
    country.clock.now += timedelta(hours=1)
    await country.submit(3, priority=Priority.URGENT)
    assert (await listed(client("center", org="near"), "to-answer"))[0] == [3, 1, 2]


async def test_a_view_says_who_must_act_and_by_when(busy: Country, client: Client) -> None:
    items = (await client("center", org="near").get("/v1/worklists/to-admit")).json()["items"]
    assert (items[0]["owner"], items[0]["admit_on"]) == ("center:near", "2026-03-09")
    assert items[0]["deadline_at"] == "2026-03-16T19:00:00Z"
    escalated = (await client("operator").get("/v1/worklists/escalated")).json()["items"][0]
    assert (escalated["owner"], escalated["escalation"]) == ("operators", "unplaceable")
    assert escalated["escalated_at"] is not None


async def test_who_needs_an_operator_longest_is_first_and_one_reason_can_be_asked_for(
    country: Country, operator: httpx2.AsyncClient
) -> None:
    await country.open("near", places=0)
    await country.submit(1, icd10="F84.0")
    await country.pass_time(days=5)
    await country.submit(2, icd10="F84.0", submitted_at=country.clock())
    await country.pass_time(days=4)  # the first has been called for again, a week after it was set aside
    await country.submit(3)
    await country.pass_time(days=32)
    assert await listed(operator, "escalated") == ([1, 2, 3], 3)
    assert await listed(operator, "escalated", reason="unplaceable") == ([1, 2], 2)
    assert await listed(operator, "escalated", reason="waiting_long") == ([3], 1)


@pytest.mark.parametrize("name", ["to-answer", "escalated"])
async def test_a_list_goes_on_by_its_cursor_and_counts_the_whole(country: Country, client: Client, name: str) -> None:
    await country.open("near", places=7)
    await country.submit(*range(1, 8), icd10="F84.0" if name == "escalated" else "G80.1")
    operator, found, cursor = client("operator"), [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        answer = await operator.get(f"/v1/worklists/{name}", params=query)
        assert answer.headers["x-total-count"] == "7"
        found.append([UUID(one["id"]).int for one in answer.json()["items"]])
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert found == [[1, 2, 3], [4, 5, 6], [7]]


async def test_lists_are_for_their_roles_only(client: Client) -> None:
    for role, name in (
        ("polyclinic", "to-answer"),
        ("referral-api", "to-answer"),
        ("center", "escalated"),
        ("center", "to-offer-again"),
    ):
        assert (await problem(await client(role, org="x").get(f"/v1/worklists/{name}")))[:2] == (403, "forbidden")
    assert (await problem(await client().get("/v1/worklists/escalated")))[:2] == (401, "unauthorized")


STRANGE: list[tuple[str, dict[str, str], str, str]] = [
    ("to-lunch", {}, "validation_failed", "name"),
    ("escalated", {"reason": "hunger"}, "validation_failed", "reason"),
    ("in-care", {"limit": "0"}, "validation_failed", "limit"),
    ("in-care", {"center_id": "\x00"}, "validation_failed", "center_id"),
    *(
        (name, {"cursor": cursor}, "invalid_cursor", "cursor")
        for name in ("in-care", "escalated")
        for cursor in ("what?", write_cursor("a"), write_cursor("a", "b"), write_cursor(5, "b"))
    ),
    ("in-care", {"cursor": write_cursor("2026-03-09T00:00:00", "\x00")}, "invalid_cursor", "cursor"),
    ("in-care", {"cursor": write_cursor("0001-01-01T00:00:00+14:00", "b")}, "invalid_cursor", "cursor"),
]


async def test_a_strange_query_is_refused_by_field(operator: httpx2.AsyncClient) -> None:
    for name, query, code, field in STRANGE:
        answer = await operator.get(f"/v1/worklists/{name}", params=query)
        assert await problem(answer) == (422, code, [field]), (name, query)
