"""`mine=true`: what the asking person submitted or acted on, in lists, counts and worklists."""

from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlmodel import Session

from services.kit.persons import Persons
from services.referral.adapters.own_work import worked_on_by
from services.referral.adapters.tables import ReferralRow, table
from services.referral.domain.life import Command
from services.referral.settings import ReferralSettings
from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Country
from tests.integration.referral.listed import ids

IIN = "200615600014"
OLD, NEW = "b2xkLWtleS1vZi0zMi1ieXRlcy1vZi1hLXRlc3QhISE=", "bmV3LWtleS1vZi0zMi1ieXRlcy1vZi1hLXRlc3QhISE="


@pytest.fixture
async def shared(country: Country) -> Country:
    """Of p1 child 1 and 2 were submitted by asel, 3 by berik, and 4 before persons were kept; near has them all."""
    await country.open("near", places=4)
    await country.submit(1, 2, submitted_by="polyclinic:p1/asel")
    await country.submit(3, submitted_by="polyclinic:p1/berik")
    await country.submit(4)
    return country


def of_p1(client: Client, subject: str) -> httpx2.AsyncClient:
    return client("polyclinic", org="p1", subject=subject)


def of_near(client: Client, subject: str) -> httpx2.AsyncClient:
    return client("center", org="near", subject=subject)


async def act(who: httpx2.AsyncClient, number: int, action: str, **body: str) -> None:
    answer = await who.post(f"/v1/referrals/{UUID(int=number)}/{action}", json=body)
    assert answer.status_code == 200, answer.text


async def worklist(who: httpx2.AsyncClient, name: str, mine: str) -> tuple[list[int], int]:
    answer = await who.get(f"/v1/worklists/{name}", params={"mine": mine})
    assert answer.status_code == 200, answer.text
    return [UUID(one["id"]).int for one in answer.json()["items"]], int(answer.headers["x-total-count"])


async def test_whoever_submitted_a_referral_has_it_in_a_list_of_her_own(shared: Country, client: Client) -> None:
    assert await ids(of_p1(client, "asel"), mine="true") == [2, 1]
    assert await ids(of_p1(client, "asel"), mine="false") == [4, 3, 2, 1], "all of the organization"
    assert await ids(of_p1(client, "berik"), mine="true", status="offered") == [3]
    assert await ids(of_p1(client, "dana"), mine="true") == []


async def test_a_page_of_ones_own_goes_on_where_it_ended(shared: Country, client: Client) -> None:
    first = (await of_p1(client, "asel").get("/v1/referrals?mine=true&limit=1")).json()
    rest = await ids(of_p1(client, "asel"), mine="true", cursor=first["next"])
    assert ([UUID(one["id"]).int for one in first["items"]], rest) == ([2], [1])


async def test_the_same_name_at_another_organization_is_another_person(shared: Country, client: Client) -> None:
    await shared.submit(5, polyclinic_id="p2", submitted_by="polyclinic:p2/asel")
    assert await ids(client("polyclinic", org="p2", subject="asel"), mine="true") == [5]
    assert await ids(of_p1(client, "asel"), mine="true") == [2, 1]


async def test_whoever_acts_on_a_referral_has_it_too(shared: Country, client: Client) -> None:
    await act(of_p1(client, "berik"), 1, "cancel", reason="moved_away")
    assert await ids(of_p1(client, "berik"), mine="true") == [3, 1]
    assert await ids(of_p1(client, "asel"), mine="true") == [2, 1], "it stays hers"
    await act(client("operator", subject="olga"), 2, "cancel", reason="moved_away")
    assert await ids(client("operator", subject="olga"), mine="true") == [2]


async def test_a_referral_that_went_to_another_polyclinic_is_nobodys_here(shared: Country, client: Client) -> None:
    def moved(session: Session) -> None:
        session.execute(text("UPDATE referrals SET polyclinic_id = 'p2' WHERE id LIKE '%1'"))

    await shared.service.database.write(moved)
    assert await ids(of_p1(client, "asel"), mine="true") == [2], "what its person may not see is not in a list of hers"


async def test_counts_are_of_all_or_of_ones_own(shared: Country, client: Client) -> None:
    async def offered(who: httpx2.AsyncClient, mine: str) -> tuple[int, int]:
        counted = (await who.get("/v1/referrals/counts", params={"mine": mine})).json()
        return next((one["count"], one["overdue"]) for one in counted if one["state"] == "offered")

    assert await offered(of_p1(client, "asel"), "false") == (4, 4)
    assert await offered(of_p1(client, "asel"), "true") == (2, 2)
    assert await offered(of_p1(client, "dana"), "true") == (0, 0)


async def test_a_coordinators_worklists_have_what_she_opened_or_accepted(shared: Country, client: Client) -> None:
    saule, timur = of_near(client, "saule"), of_near(client, "timur")
    await act(saule, 1, "seen")
    await act(timur, 2, "accept")
    await act(saule, 3, "accept")
    assert await worklist(saule, "to-answer", "true") == ([1], 1)
    assert await worklist(saule, "to-answer", "false") == ([1, 4], 2)
    assert await worklist(saule, "to-admit", "true") == ([3], 1)
    assert await worklist(timur, "to-admit", "true") == ([2], 1)
    await shared.act(2, Command.NO_SHOW, "no_transport")
    assert await worklist(of_p1(client, "asel"), "to-offer-again", "true") == ([2], 1)
    assert await worklist(of_p1(client, "berik"), "to-offer-again", "true") == ([], 0)


@pytest.fixture
def settings(settings: ReferralSettings) -> ReferralSettings:
    """After a change of the key by which pseudonyms are made."""
    return settings.model_copy(update={"audit_key": SecretStr(NEW), "old_audit_keys": SecretStr(OLD)})


async def test_whoever_is_known_by_an_iin_is_found_by_pseudonyms_of_every_key(shared: Country, client: Client) -> None:
    new, old = shared.service.settings.audit_keys
    for number, key in ((6, old), (7, new)):
        await shared.submit(number, submitted_by=f"polyclinic:p1/{Persons([key]).name(IIN)}")
    assert await ids(of_p1(client, IIN), mine="true") == [7, 6]


async def test_ones_own_work_is_found_by_its_indexes(shared: Country) -> None:
    query = select(table(ReferralRow).c.id).where(worked_on_by(["polyclinic:p1/asel"]))

    def plan(session: Session) -> str:
        bind = session.get_bind()
        said = query.compile(bind, compile_kwargs={"literal_binds": True})
        if bind.dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
        rows = session.connection().exec_driver_sql(
            f"{'EXPLAIN' if bind.dialect.name == 'postgresql' else 'EXPLAIN QUERY PLAN'} {said}"
        )
        return "\n".join(" ".join(map(str, row)) for row in rows)

    found = await shared.service.database.read(plan)
    assert "ix_referrals_submitted_by" in found, found
    assert "ix_history_actor" in found, found
