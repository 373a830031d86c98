"""The two roles of a service on PostgreSQL: the one that serves may add to the audit log, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlmodel import Session

from services.intake.adapters.history import HISTORY as INTAKE
from services.intake.adapters.tables import audit_log
from services.kit.audit import Actor, Entry
from services.kit.sql.append_only import check_only_inserts
from services.kit.sql.audit_cut import cut_before
from services.kit.sql.audit_log import AuditLog, Chain
from services.kit.sql.database import Database
from services.kit.sql.migrations import History
from services.referral.adapters.history import HISTORY as REFERRAL
from tests.support.postgres import Postgres, installed, running_postgres

KEY = bytes(range(32))
SERVICES = {"intake": INTAKE, "referral": REFERRAL}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server with the roles and databases of deploy/postgres, migrated by their owners."""
    if not installed():
        pytest.skip("needs PostgreSQL")
    with running_postgres() as server:
        server.make_service_databases()
        for name, history in SERVICES.items():
            migrate(server, name, history)
        yield server


def migrate(server: Postgres, name: str, history: History) -> None:
    assert history.migrate(server.url(name, f"{name}_owner")) == history.head


@pytest.fixture(params=SERVICES)
def serving(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A connection pool of the role by which the service serves."""
    engine = create_engine(postgres.url(request.param, request.param))
    log = AuditLog(audit_log, Chain([KEY]))
    with Session(engine) as session, session.begin():
        log.add(session, [Entry(Actor("nurse-7"), "read_child")])
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET person = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log", "DROP TABLE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL", "DROP TRIGGER audit_log_no_change ON audit_log",
        "CREATE OR REPLACE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN OLD; END $$",
        "CREATE TABLE other (id int)", "ALTER TABLE audit_log OWNER TO CURRENT_USER",
        "INSERT INTO audit_log SELECT * FROM audit_log WHERE sequence = 1 "
        "ON CONFLICT (sequence) DO UPDATE SET person = 'x'",
        "SET session_replication_role = replica",
    ],
)  # fmt: skip
def test_the_serving_role_may_change_nothing_in_the_log(serving: Engine, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), serving.begin() as connection:
        connection.execute(text(statement))


def test_the_serving_role_adds_and_the_log_is_whole(serving: Engine) -> None:
    with Session(serving) as session:
        checked = AuditLog(audit_log, Chain([KEY])).check(session, 0, 1000)
    assert (checked.count > 0, checked.findings) == (True, ())


async def test_a_role_that_could_change_the_log_is_not_ready(postgres: Postgres) -> None:
    served, owned = (Database(postgres.url("intake", role)) for role in ("intake", "intake_owner"))
    await check_only_inserts(served)
    with pytest.raises(RuntimeError, match="a role of its own"):
        await check_only_inserts(owned)
    for one in (served, owned):
        await one.close()


async def test_the_owner_cuts_old_entries_and_the_serving_role_cannot(postgres: Postgres, serving: Engine) -> None:
    name = str(serving.url.database)
    served, owned = (Database(postgres.url(name, role)) for role in (name, f"{name}_owner"))
    log, later = AuditLog(audit_log, Chain([KEY])), datetime.now(UTC) + timedelta(days=1)
    before = await served.read(log.head)
    with pytest.raises(ProgrammingError, match="must be owner"):
        cut_before(served, log, later)
    assert (await served.read(log.head)) == before, "what failed has left no entry"
    assert cut_before(owned, log, later) > 0
    checked = await served.read(lambda session: log.check(session, 0, 1000))
    assert (checked.cut, checked.count, checked.findings) == (before.sequence, 1, ())
    with pytest.raises(ProgrammingError, match="permission denied"), serving.begin() as connection:
        connection.execute(text("DELETE FROM audit_log"))
    with pytest.raises(DBAPIError, match="append-only"), owned.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit_log"))
    for one in (served, owned):
        await one.close()
