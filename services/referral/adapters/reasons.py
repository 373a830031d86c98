"""The coded reasons in `data/reasons.csv`."""

from pathlib import Path

from services.contracts.reference import rows


def read_reasons(data: Path, kind: str) -> frozenset[str]:
    """The codes of one kind, such as `decline`."""
    return frozenset(row["code"] for row in rows(data / "reasons.csv") if row["kind"] == kind)
