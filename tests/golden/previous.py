"""The release before: `python -m tests.golden.previous` writes it down when a release is made, on its commit.

For each type of event one as that release writes it, and the schema of what it reads; its tables; its commit.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.contracts import events
from tests.golden.tables import Tables, migrated

FILE = Path(__file__).with_name("previous.json")
TABLES, COMMIT = FILE.with_name("previous_tables.json"), FILE.with_name("previous_commit.txt")
FOLDERS = ("capacity", "diagnoses", "referral")


def recorded() -> dict[str, dict[str, Any]]:
    """By type: `written`, the events, and `reads`, the schema of their data."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text())
    return found


def recorded_tables() -> dict[str, Tables]:
    """By service."""
    found: dict[str, Tables] = json.loads(TABLES.read_text())
    return found


def commit() -> str:
    """The release's own."""
    return COMMIT.read_text().strip()


def today() -> dict[str, list[dict[str, Any]]]:
    """The golden events, by type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in sorted(one for folder in FOLDERS for one in FILE.parent.glob(f"{folder}/*.json")):
        event = json.loads(file.read_text())
        found.setdefault(event["type"], []).append(event)
    return found


def _bare(schema: Any) -> Any:
    """Without titles and descriptions, which say nothing of what is read."""
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    words = {name for name in ("title", "description") if isinstance(schema.get(name), str)}
    return {name: _bare(one) for name, one in schema.items() if name not in words}


def main() -> None:
    written = today()
    found = {
        name: {"written": written[name], "reads": _bare(kind.model_json_schema())}
        for name, kind in events.KNOWN.items()
    }
    FILE.write_text(_by_line(found))
    TABLES.write_text(_by_line(migrated()))
    COMMIT.write_text(subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=FILE.parent, text=True))


def _by_line(found: Mapping[str, Any]) -> str:
    lines = [f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in sorted(found.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main()
