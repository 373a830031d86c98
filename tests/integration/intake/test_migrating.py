"""Bringing a database to the newest tables."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.intake.adapters.history import HISTORY
from services.intake.adapters.tables import metadata
from services.kit.sql.database import Database


def test_the_history_ends_at_the_revision_that_the_code_needs() -> None:
    config = Config()
    config.set_main_option("script_location", str(HISTORY.folder))
    assert ScriptDirectory.from_config(config).get_heads() == [HISTORY.head]


def test_a_migrated_database_has_the_tables_of_the_code(new_database: Callable[[str], str]) -> None:
    url = new_database("intake")
    assert HISTORY.migrate(url) == HISTORY.head
    database = Database(url)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.engine.dispose()


def test_migrating_again_and_by_several_at_once_does_no_harm(new_database: Callable[[str], str]) -> None:
    url = new_database("intake")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(HISTORY.migrate, [url] * 4)) == [HISTORY.head] * 4
    assert HISTORY.migrate(url) == HISTORY.head
