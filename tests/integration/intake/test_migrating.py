"""The migrations of the intake database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from services.intake.adapters.history import HISTORY
from services.intake.adapters.tables import leases, metadata, outbox
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


def test_repeated_and_concurrent_migrations_do_no_harm(new_database: Callable[[str], str]) -> None:
    url = new_database("intake")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(HISTORY.migrate, [url] * 4)) == [HISTORY.head] * 4
    assert HISTORY.migrate(url) == HISTORY.head


_BEFORE = (
    "INSERT INTO outbox (event_id, topic, key, payload, recorded_at, acknowledged_at) "
    "VALUES ('e1', 't', 'k', '1', 7, 9), ('e2', 't', 'k', '2', 8, NULL)",
    "INSERT INTO relay_position (topic, partition, \"offset\", event_id) VALUES ('t', 3, 41, 'e1')",
    "INSERT INTO relay_lease (name, owner, until) VALUES ('outbox', 'me', 1)",
)


def test_a_database_in_use_keeps_its_events_checkpoints_and_lease(new_database: Callable[[str], str]) -> None:
    url = new_database("intake")
    replace(HISTORY, head="0003").migrate(url)
    database = Database(url)
    with database.engine.begin() as connection:
        for statement in _BEFORE:
            connection.execute(text(statement))
    assert HISTORY.migrate(url) == HISTORY.head
    again = "INSERT INTO outbox (event_id, topic, key, payload, recorded_at) VALUES ('e2', 'u', 'k', '2', 8)"
    with database.engine.begin() as connection:
        connection.execute(text(again))
        rows = connection.execute(select(outbox.rows).order_by(outbox.rows.c.sequence)).all()
        assert [(row.event_id, row.topic, row.acknowledged_at) for row in rows] == [
            ("e1", "t", 9), ("e2", "t", None), ("e2", "u", None),
        ]  # fmt: skip
        assert [row.sequence for row in rows] == [1, 2, 3]
        assert [tuple(row) for row in connection.execute(select(outbox.checkpoints))] == [("t", 3, 41, "e1")]
        assert [tuple(row) for row in connection.execute(select(leases))] == [("outbox", "me", 1)]
        (pending,) = (one for one in inspect(connection).get_indexes("outbox") if one["name"] == "ix_outbox_pending")
        assert "acknowledged_at IS NULL" in " ".join(map(str, pending["dialect_options"].values())), (
            "only what is pending is indexed"
        )
    database.engine.dispose()
