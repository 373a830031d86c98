"""The rules for a submission beyond its shape. Each yields field errors, so that all are found at once."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date

from services.contracts.iin import InvalidIin, read_iin
from services.contracts.submissions import NEWBORN_DAYS, Child, Diagnosis, DiagnosisSubmission
from services.contracts.vocabulary import Modality
from services.intake.domain.ages import age_in_months

ADULT_MONTHS = 18 * 12


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: its dotted path, a stable code, and a message without the refused value."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The ids of the reference data that a submission may name."""

    settlements: Container[str]
    icd10_codes: Container[str]


def check_submission(submission: DiagnosisSubmission, today: date, reference: Reference) -> list[FieldError]:
    """All errors of `submission` on the day `today` (Asia/Almaty)."""
    one = submission
    return list(check_parts(today, reference, one.child, one.diagnosis, one.settlement_id, one.modalities))


def check_parts(
    today: date,
    reference: Reference,
    child: Child | None,
    diagnosis: Diagnosis | None,
    settlement_id: str | None,
    modalities: tuple[Modality, ...] | None,
) -> Iterator[FieldError]:
    """The errors of a submission's parts; a part whose shape is invalid is None and not checked."""
    if child is not None:
        yield from _check_child(child, today)
    if diagnosis is not None and diagnosis.icd10 not in reference.icd10_codes:
        yield FieldError("diagnosis.icd10", "unknown_icd10", "is no code of WHO's ICD-10, version 2019")
    if settlement_id is not None and settlement_id not in reference.settlements:
        yield FieldError("settlement_id", "unknown_settlement", "is no id of data/settlements.csv")
    for position, modality in enumerate(modalities or ()):
        if modality in (modalities or ())[:position]:
            yield FieldError(f"modalities.{position}", "duplicate_modality", "was named before")


def _check_child(child: Child, today: date) -> Iterator[FieldError]:
    if child.birth_date > today:
        yield FieldError("child.birth_date", "born_in_future", "is after today")
    elif age_in_months(child.birth_date, today) >= ADULT_MONTHS:
        yield FieldError("child.birth_date", "not_a_child", "is 18 years ago or more")
    elif child.iin is None and (today - child.birth_date).days > NEWBORN_DAYS:
        yield FieldError("child.iin", "iin_required", f"only a newborn of up to {NEWBORN_DAYS} days may have none")
    if child.iin is not None:
        yield from _check_iin(child.iin, child)


def _check_iin(iin: str, child: Child) -> Iterator[FieldError]:
    try:
        facts = read_iin(iin)
    except InvalidIin as error:
        yield FieldError("child.iin", "invalid_iin", str(error))
        return
    if facts.birth_date != child.birth_date:
        yield FieldError("child.birth_date", "iin_birth_date_mismatch", "is not the birth date that the IIN says")
    if facts.sex is not child.sex:
        yield FieldError("child.sex", "iin_sex_mismatch", "is not the sex that the IIN says")
