"""`/v1/statistics/…`: referrals and placements by day, and by region and age."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Country, problem
from tests.unit.referral.samples import NOW


async def test_referrals_and_placements_are_counted_on_their_day_in_kazakhstan(
    country: Country, client: Client
) -> None:
    await country.open("near", places=3)
    await country.submit(1, submitted_at=NOW.replace(hour=18, minute=59))
    await country.submit(2, submitted_at=NOW.replace(hour=19, minute=0))
    await country.admit(1)
    query = {"first": str(NOW.date()), "last": str(NOW.date() + timedelta(days=2))}
    counted = (await client("operator").get("/v1/statistics/days", params=query)).json()
    assert [one["submitted"] for one in counted] == [1, 1, 0], "midnight in Kazakhstan is 19:00 UTC"
    assert sum(one["admitted"] for one in counted) == 1
    on_that_day = {"submitted_from": query["first"], "submitted_through": query["first"]}
    found = await client("operator").get("/v1/referrals", params=on_that_day)
    assert [one["id"][-1] for one in found.json()["items"]] == ["1"], "the list has what was counted on that day"
    hours = (await client("operator").get(f"/v1/statistics/hours?day={query['first']}")).json()
    assert [one["submitted"] for one in hours] == [0] * 23 + [1], "one was submitted in its last hour"
    assert [date.fromisoformat(one["day"]) for one in counted] == [NOW.date() + timedelta(days=n) for n in range(3)]


@pytest.mark.parametrize("day", ["2026-02-01", "2026-01-01", "2025-03-01", "2025-06-16"])
async def test_a_day_begins_at_midnight_in_kazakhstan_wherever_the_database_is(
    country: Country, client: Client, day: str
) -> None:
    await country.open("near", places=0)
    midnight = datetime.fromisoformat(f"{day}T00:00+05:00").astimezone(UTC)
    before, at, within = midnight - timedelta(milliseconds=1), midnight, midnight + timedelta(hours=1, milliseconds=-1)
    for number, moment in enumerate((before, at, within), 1):
        await country.submit(number, submitted_at=moment)
    eve = str(date.fromisoformat(day) - timedelta(days=1))
    operator = client("operator")
    days = (await operator.get("/v1/statistics/days", params={"first": eve, "last": day})).json()
    assert [(one["day"], one["submitted"]) for one in days] == [(eve, 1), (day, 2)], "a millisecond parts two days"
    for shown, first_hour, last_hour in ((eve, 0, 1), (day, 2, 0)):
        hours = [one["submitted"] for one in (await operator.get(f"/v1/statistics/hours?day={shown}")).json()]
        assert hours == [first_hour, *[0] * 22, last_hour], f"the hours of {shown}, which begins at 0"
        listed = await operator.get("/v1/referrals", params={"submitted_from": shown, "submitted_through": shown})
        assert len(listed.json()["items"]) == sum(hours), f"the list of {shown} has what its hours count"


@pytest.mark.parametrize("last", ["2024-12-31", "2026-02-05"])
async def test_days_are_counted_forward_and_not_for_ever(client: Client, last: str) -> None:
    answer = await client("operator").get(f"/v1/statistics/days?first=2025-01-01&last={last}")
    assert await problem(answer) == (422, "out_of_range", ["last"])


async def test_who_waits_is_counted_by_region_and_age_and_found_by_the_same_filters(
    country: Country, client: Client
) -> None:
    await country.open("near", places=0)
    await country.submit(1, 2, age_months=40)
    await country.submit(3, age_months=150)
    operator = client("operator")
    counted = (await operator.get("/v1/statistics/regions")).json()
    found = {(one["age_from_months"], one["age_under_months"]): one["count"] for one in counted}
    assert found == {(36, 84): 2, (144, None): 1}
    assert (await operator.get("/v1/statistics/regions?status=offered")).json() == []
    for one in counted:
        query = {name: one[name] for name in ("region_id", "age_from_months", "age_under_months") if one[name]}
        listed = (await operator.get("/v1/referrals", params=query | {"status": "waiting"})).json()["items"]
        assert len(listed) == one["count"], "the list has what was counted"
    assert (await client("center", org="near").get("/v1/statistics/regions")).status_code == 403


async def test_a_center_finds_nobody_by_age_whom_it_has_no_longer(country: Country, client: Client) -> None:
    await country.open("near")
    await country.submit(1, age_months=40)
    near = client("center", org="near")
    assert len((await near.get("/v1/referrals?age_from_months=40")).json()["items"]) == 1
    await country.decline(1)
    assert len((await near.get("/v1/referrals")).json()["items"]) == 1, "its own part is still told"
    assert (await near.get("/v1/referrals?age_from_months=40")).json()["items"] == [], "but not how old the child is"
