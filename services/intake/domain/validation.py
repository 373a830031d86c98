"""What must hold of a submission beyond its shape. Every rule answers with field errors, all of them at once."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date

from services.contracts.iin import InvalidIin, read_iin
from services.contracts.submissions import Child, Diagnosis, DiagnosisSubmission
from services.contracts.vocabulary import Modality
from services.intake.domain.ages import ADULT_MONTHS, NEWBORN_DAYS, age_in_months, is_newborn


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that cannot be taken: its dotted path, a stable code, and a message without the refused value."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Reference:
    """The ids that a submission may name."""

    settlements: Container[str]
    icd10_codes: Container[str]


def check_submission(submission: DiagnosisSubmission, today: date, reference: Reference) -> list[FieldError]:
    """Everything wrong with `submission` on the day `today` (Asia/Almaty); empty when it may be taken."""
    return [
        *check_child(submission.child, today),
        *check_diagnosis(submission.diagnosis, reference),
        *check_settlement(submission.settlement_id, reference),
        *check_modalities(submission.modalities),
    ]


def check_child(child: Child, today: date) -> Iterator[FieldError]:
    if child.birth_date > today:
        yield FieldError("child.birth_date", "born_in_future", "is after today")
    elif age_in_months(child.birth_date, today) >= ADULT_MONTHS:
        yield FieldError("child.birth_date", "not_a_child", "is 18 years ago or more")
    elif child.iin is None and not is_newborn(child.birth_date, today):
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


def check_diagnosis(diagnosis: Diagnosis, reference: Reference) -> Iterator[FieldError]:
    if diagnosis.icd10 not in reference.icd10_codes:
        yield FieldError("diagnosis.icd10", "unknown_icd10", "is no code of WHO's ICD-10, version 2019")


def check_settlement(settlement_id: str, reference: Reference) -> Iterator[FieldError]:
    if settlement_id not in reference.settlements:
        yield FieldError("settlement_id", "unknown_settlement", "is no id of data/settlements.csv")


def check_modalities(modalities: tuple[Modality, ...]) -> Iterator[FieldError]:
    for position, modality in enumerate(modalities):
        if modality in modalities[:position]:
            yield FieldError(f"modalities.{position}", "duplicate_modality", "was named before")
