"""The events of the release before: `python -m tests.golden.previous` writes them down when a release is made.

For each type one event as that release writes it, and the schema of what it reads.
"""

import json
from pathlib import Path
from typing import Any

from services.contracts import events

FILE = Path(__file__).with_name("previous.json")
FOLDERS = ("capacity", "diagnoses", "referral")


def recorded() -> dict[str, dict[str, Any]]:
    """By type: `written`, the events, and `reads`, the schema of their data."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text())
    return found


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
    lines = [f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in sorted(found.items())]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
