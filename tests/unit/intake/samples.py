"""Made-up children, valid by every rule on TODAY."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.contracts.iin import check_digit
from services.contracts.submissions import DiagnosisSubmission
from services.intake.domain.normalizing import FIELDS
from services.intake.domain.validation import Reference
from services.intake.domain.values.typed import Refused

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
REFERENCE = Reference(frozenset({"almaty", "astana"}), frozenset({"G80", "G80.1", "F84.0"}))


def iin_of(born: date, sex: str, number: int) -> str:
    """An IIN for a child born in this century; `number` tells children of one day apart (modulo 9,000)."""
    for serial in range(number, number + 20):
        first = f"{born:%y%m%d}{6 if sex == 'female' else 5}{serial % 9000 + 1000:04d}"
        digit = check_digit(first)
        if digit is not None:
            return f"{first}{digit}"
    raise AssertionError("no number")


def child_body(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A valid body of `POST /v1/diagnoses`; another child for another `number`. `changes`: `child__sex="male"`."""
    born = date.fromordinal(date(2015, 1, 1).toordinal() + number // 400)
    body: dict[str, Any] = {
        "child": {
            "iin": iin_of(born, "female", number % 400 * 20),
            "full_name": f"Тестова Бала {number}",
            "birth_date": born.isoformat(),
            "sex": "female",
        },
        "guardian": {"full_name": f"Тестова Ана {number}", "phone": f"+7701{number:07d}"},
        "diagnosis": {"icd10": "G80.1", "gmfcs": "III"},
        "settlement_id": "almaty",
        "modalities": ["inpatient", "day_stay"],
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = body
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return body


def newborn(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A child of twenty days without an IIN."""
    born = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
    return child_body(number, child__iin=..., child__birth_date=born, **changes)


def submission(number: int = 0, **changes: Any) -> DiagnosisSubmission:
    return DiagnosisSubmission.model_validate(child_body(number, **changes))


def meant(path: str, value: object) -> object:
    """The normalized value, or the code of its refusal."""
    try:
        return FIELDS[path](value)
    except Refused as refused:
        return f"refused: {refused.code}"
