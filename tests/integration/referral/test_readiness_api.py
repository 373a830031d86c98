"""`/v1/readiness`: operators see which parts are ready, and no reasons."""

from sqlalchemy import text
from sqlmodel import Session

from tests.integration.referral.conftest import Client
from tests.integration.referral.country import Country


async def test_operators_see_which_part_is_not_ready(country: Country, client: Client) -> None:
    operator = client("operator")
    assert (await operator.get("/v1/readiness")).json() == {
        "ready": True,
        "checks": {"database": True, "migrated": True},
    }

    def forget(session: Session) -> None:
        session.execute(text("DELETE FROM alembic_version"))

    await country.service.database.write(forget)
    assert (await operator.get("/v1/readiness")).json() == {
        "ready": False,
        "checks": {"database": True, "migrated": False},
    }
    assert (await client("polyclinic", org="p1").get("/v1/readiness")).status_code == 403
