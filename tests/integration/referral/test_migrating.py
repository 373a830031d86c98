"""Bringing the referral database to the newest tables, also one with referrals in it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from services.kit.sql.database import Database
from services.referral.adapters.history import HISTORY
from services.referral.adapters.rows import referral_values
from services.referral.adapters.sql_deadlines import SqlDeadlines
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.sql_registry import SqlRegistry
from services.referral.adapters.tables import ReferralRow, metadata
from services.referral.domain.life import OPEN
from services.referral.handlers.sweep import Sweep
from tests.unit.referral.samples import NOW, SETTLEMENTS, referral

NEW = ("due_at", "admit_on", "admitted_at", "escalated_at", "escalation")


def test_the_history_ends_at_the_revision_that_the_code_needs() -> None:
    config = Config()
    config.set_main_option("script_location", str(HISTORY.folder))
    assert ScriptDirectory.from_config(config).get_heads() == [HISTORY.head]


def test_a_migrated_database_has_the_tables_of_the_code(new_database: Callable[[str], str]) -> None:
    url = new_database("referral")
    assert HISTORY.migrate(url) == HISTORY.head
    database = Database(url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.engine.dispose()


async def test_referrals_of_the_first_tables_have_their_deadlines_afterwards(
    new_database: Callable[[str], str],
) -> None:
    url = new_database("referral")
    replace(HISTORY, head="0001").migrate(url)
    database = Database(url)
    with database.engine.begin() as connection:
        for number, state in enumerate(OPEN, 1):
            _insert(connection, number, state)
    HISTORY.migrate(url)
    deadlines = SqlDeadlines(database)
    assert await deadlines.open_without_deadline() == []
    sweep = Sweep(SqlReferrals(database), deadlines, SqlRegistry(database, SETTLEMENTS, lambda: NOW))
    assert (await sweep(NOW - timedelta(seconds=1))).total() == 0
    assert (await sweep(NOW)).total() == len(OPEN)
    assert await deadlines.open_without_deadline() == []
    await database.close()


def _insert(connection: Connection, number: int, state: str) -> None:
    one = replace(referral(number), state=state, version=3, center_id="c", deadline_at=NOW)
    values = {name: value for name, value in referral_values(one).items() if name not in NEW}
    table = ReferralRow.__table__  # type: ignore[attr-defined]
    columns = [table.c[name] for name in values]
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    statement = text(f"INSERT INTO referrals ({names}) VALUES ({marks})")
    processors = {one.name: one.type.bind_processor(connection.dialect) for one in columns}
    connection.execute(
        statement, {name: (processors[name] or (lambda same: same))(value) for name, value in values.items()}
    )
