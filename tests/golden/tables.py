"""What older code meets in a database: its columns, and what refuses a row."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Inspector, create_engine, inspect, text

from services.intake.adapters.history import HISTORY as INTAKE
from services.kit.sql.migrations import History
from services.referral.adapters.history import HISTORY as REFERRAL

HISTORIES = {"intake": INTAKE, "referral": REFERRAL}
_TRIGGERS = text("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
Tables = Mapping[str, Any]
"""By name: `columns` (each with its type, and what may be left out) and `rules`."""


def migrated() -> dict[str, Tables]:
    """The tables of today's migrations, by service; on SQLite."""
    with TemporaryDirectory() as folder:
        return {name: _tables(one, f"sqlite:///{Path(folder, name)}") for name, one in HISTORIES.items()}


def hindrances(before: Tables, now: Tables) -> list[str]:
    """Why code that knows the tables `before` cannot work on the tables `now`, in words."""
    return [f"{name}: {one}" for name, table in before.items() for one in _of_table(table, now.get(name))]


def _of_table(before: Any, now: Any) -> Iterator[str]:
    if now is None:
        yield "the table is gone"
        return
    for name, column in before["columns"].items():
        found = now["columns"].get(name)
        if found is None:
            yield f"the column {name} is gone"
        elif found["type"] != column["type"]:
            yield f"{name} is {found['type']}, was {column['type']}"
        elif column["optional"] and not found["optional"]:
            yield f"{name} must have a value now"
    new = {name: one for name, one in now["columns"].items() if name not in before["columns"]}
    yield from (f"the new column {name} must have a value" for name, one in new.items() if not one["optional"])
    yield from (f"a new rule: {one}" for one in now["rules"] if one not in before["rules"])


def _tables(history: History, url: str) -> Tables:
    history.migrate(url)
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            found, triggers = inspect(connection), connection.execute(_TRIGGERS).all()
            names = sorted(set(found.get_table_names()) - {"alembic_version"})
            return {name: _table(found, name, [sql for at, sql in triggers if at == name]) for name in names}
    finally:
        engine.dispose()


def _table(found: Inspector, name: str, triggers: list[str]) -> dict[str, Any]:
    columns = {
        one["name"]: {
            "type": str(one["type"]),
            "optional": bool(one["nullable"] or one["default"] is not None or one.get("autoincrement") is True),
        }
        for one in found.get_columns(name)
    }
    return {"columns": columns, "rules": sorted([*_rules(found, name), *(" ".join(one.split()) for one in triggers)])}


def _rules(found: Inspector, name: str) -> Iterator[str]:
    yield f"PRIMARY KEY {found.get_pk_constraint(name)['constrained_columns']}"
    unique = [*found.get_unique_constraints(name), *(one for one in found.get_indexes(name) if one["unique"])]
    yield from (f"UNIQUE {one['column_names']}" for one in unique)
    yield from (f"CHECK {one['sqltext']}" for one in found.get_check_constraints(name))
    yield from (
        f"FOREIGN KEY {one['constrained_columns']} {one['referred_table']}" for one in found.get_foreign_keys(name)
    )
