"""The coded reasons in `data/reasons.csv`."""

from collections.abc import Mapping
from pathlib import Path

from services.contracts.reference import rows


def read_reasons(data: Path) -> Mapping[str, frozenset[str]]:
    """The codes by kind, such as `decline`."""
    codes: dict[str, set[str]] = {}
    for row in rows(data / "reasons.csv"):
        codes.setdefault(row["kind"], set()).add(row["code"])
    return {kind: frozenset(found) for kind, found in codes.items()}
