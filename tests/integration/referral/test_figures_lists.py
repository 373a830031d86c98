"""A list for each figure: several states, what is past its deadline, and an hour of a day."""

import httpx2
import pytest

from services.contracts.vocabulary import ReferralState
from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Country, problem
from tests.integration.referral.listed import ids

HOUR = {"submitted_from": "2026-03-02", "submitted_through": "2026-03-02"}


@pytest.fixture
async def busy(country: Country) -> Country:
    """1 is offered, 2 accepted, 3 in care, 4 waits."""
    await country.open("near", places=3)
    await country.submit(1, 2, 3, 4)
    await country.accept(2)
    await country.admit(3)
    await country.deliver()
    return country


async def test_several_states_are_one_list(busy: Country, operator: httpx2.AsyncClient) -> None:
    async def listed(*states: str) -> list[int]:
        answer = await operator.get("/v1/referrals", params={"status": ",".join(states)})
        assert answer.status_code == 200, answer.text
        return [int(one["id"][-2:], 16) for one in answer.json()["items"]]

    assert await listed("offered", "accepted") == [2, 1]
    assert await listed("waiting") == [4], "one is as before"
    assert await listed(*ReferralState) == [4, 3, 2, 1]


async def test_what_is_past_its_deadline_is_as_many_as_counted(
    busy: Country, operator: httpx2.AsyncClient, client: Client
) -> None:
    counted = {one["state"]: one["overdue"] for one in (await operator.get("/v1/referrals/counts")).json()}
    for state, count in counted.items():
        assert len(await ids(operator, overdue="true", status=state)) == count, state
    assert await ids(client("polyclinic", org="p1"), overdue="true", status="waiting") == [4]
    assert await ids(client("polyclinic", org="p2"), overdue="true") == []


async def test_the_hours_of_a_day_have_together_what_the_day_has(busy: Country, operator: httpx2.AsyncClient) -> None:
    day = {"submitted_from": "2026-03-02", "submitted_through": "2026-03-02"}
    hours = (await operator.get("/v1/statistics/hours", params={"day": "2026-03-02"})).json()
    assert sum(one["submitted"] for one in hours) == len(await ids(operator, **day)) > 0
    for one in hours:
        assert len(await ids(operator, **day, hour=str(one["hour"]))) == one["submitted"], one["hour"]


@pytest.mark.parametrize(
    "query", [{}, {"submitted_from": "2026-03-02"}, {"submitted_from": "2026-03-01", "submitted_through": "2026-03-02"}]
)
async def test_an_hour_needs_its_day(busy: Country, operator: httpx2.AsyncClient, query: dict[str, str]) -> None:
    answer = await operator.get("/v1/referrals", params=query | {"hour": "9"})
    assert await problem(answer) == (422, "not_of_one_day", ["hour"])
