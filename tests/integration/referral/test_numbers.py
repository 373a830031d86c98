"""`number` of a list: the short number on the paper finds the referral for whoever may see it."""

import httpx2
import pytest
from sqlalchemy import text
from sqlmodel import Session

from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Country, problem
from tests.integration.referral.listed import ids
from tests.unit.referral.samples import NOW

NUMBER, OTHER = 0xABC0DE, 0x3ABC0DE
"""Two ids with one end."""


@pytest.fixture
async def three(country: Country) -> Country:
    """NUMBER of p1 is at near, OTHER of p2 too, and 3 of p1."""
    await country.open("near", places=3)
    await country.submit(NUMBER, 3, submitted_at=NOW)
    await country.submit(OTHER, polyclinic_id="p2", submitted_at=NOW)
    return country


@pytest.mark.parametrize("typed", ["ABC0DE", "abc0de", "№ ABC 0DE", "аВс 0dе", "ABCODE"])
async def test_a_number_finds_a_referral_however_it_is_typed(three: Country, client: Client, typed: str) -> None:
    assert await ids(client("polyclinic", org="p1"), number=typed) == [NUMBER]


async def test_everybody_finds_what_they_may_see_and_nothing_else(
    three: Country, operator: httpx2.AsyncClient, client: Client
) -> None:
    assert await ids(operator, number="ABC0DE") == [OTHER, NUMBER], "several may have one number"
    assert await ids(client("polyclinic", org="p2"), number="ABC0DE") == [OTHER]
    assert await ids(client("center", org="near"), number="ABC0DE") == [OTHER, NUMBER]
    assert await ids(client("center", org="far"), number="ABC0DE") == []
    assert await ids(operator, number="ABC0DF") == []


async def test_a_center_finds_its_own_part_of_a_child_that_it_has_no_longer(three: Country, client: Client) -> None:
    await three.decline(NUMBER)
    await three.deliver()
    near = client("center", org="near")
    assert await ids(near, number="ABC0DE") == [OTHER, NUMBER]
    shown = (await near.get("/v1/referrals?number=ABC0DE")).json()["items"][-1]
    assert shown["age_months"] is None, "and no more of it than before"


@pytest.mark.parametrize("typed", ["", "ABC0D", "200615600014", "ABC0DG"])
async def test_what_is_no_number_is_refused(three: Country, operator: httpx2.AsyncClient, typed: str) -> None:
    assert await problem(await operator.get("/v1/referrals", params={"number": typed})) == (
        422,
        "no_short_number",
        ["number"],
    )


async def test_a_number_is_found_by_its_index(three: Country) -> None:
    def plan(session: Session) -> str:
        postgresql = session.get_bind().dialect.name == "postgresql"
        if postgresql:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        query = "SELECT id FROM referrals WHERE number = 'ABC0DE' ORDER BY id DESC"
        return str(session.execute(text(f"EXPLAIN {'' if postgresql else 'QUERY PLAN '}{query}")).all())

    found = await three.service.database.read(plan)
    assert "ix_referrals_number" in found, found
