"""Children for the command: submissions of theirs as NDJSON, and what it said of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from typer.testing import Result

from services.contracts.iin import check_digit


def iin(number: int) -> str:
    """The IIN of a child born on 2020-03-15, a boy where `number` is even. Some serials have no check digit."""
    for serial in range(number * 4, number * 4 + 4):
        first = f"200315{5 + number % 2}{serial:04d}"
        if (digit := check_digit(first)) is not None:
            return f"{first}{digit}"
    raise AssertionError("four serials in a row have no check digit")


def child(number: int, **changes: Any) -> bytes:
    sex = "male" if number % 2 == 0 else "female"
    body = {
        "child": {"iin": iin(number), "full_name": f"Child {number}", "birth_date": "2020-03-15", "sex": sex},
        "guardian": {"full_name": "A Parent", "phone": "+77010000000"},
        "diagnosis": {"icd10": "G80.1"},
        "settlement_id": "almaty",
        "modalities": ["inpatient"],
    }
    return json.dumps(body | changes).encode() + b"\n"


def results(ended: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.stdout.splitlines()]


def born_today() -> tuple[str, str]:
    """Today, and the IIN of a girl born today."""
    born = today()
    for serial in range(100):
        first = f"{born[2:4]}{born[5:7]}{born[8:]}6{serial:04d}"
        if (digit := check_digit(first)) is not None:
            return born, f"{first}{digit}"
    raise AssertionError("no check digit")


def today() -> str:
    return (datetime.now(UTC) + timedelta(hours=5)).date().isoformat()
