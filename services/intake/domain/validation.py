"""The rules for a submission beyond its shape. Each yields field errors, so that all are found at once."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from services.contracts.iin import IinFacts, InvalidIin, read_iin
from services.contracts.near_matches import Named, did_you_mean
from services.contracts.submissions import NEWBORN_DAYS, Child, Consent, Diagnosis, DiagnosisSubmission
from services.contracts.vocabulary import Modality
from services.intake.domain.ages import age_in_months
from services.intake.domain.field_errors import FieldError
from services.kit.budget import check
from services.kit.messages import message

ADULT_MONTHS = 18 * 12


@dataclass(frozen=True, slots=True)
class Reference:
    """The ids of the reference data that a submission may name, settlements' names, and whether it needs consent."""

    settlements: Container[str]
    icd10_codes: Container[str]
    settlement_names: tuple[Named, ...] = ()
    consent_required: bool = False


def check_submission(
    submission: DiagnosisSubmission, today: date, reference: Reference, *, strict: bool = False
) -> list[FieldError]:
    """All errors of `submission` on the day `today` (Asia/Almaty); with `strict` also what would be a warning."""
    one = submission
    errors = list(check_parts(today, reference, one.child, one.diagnosis, one.settlement_id, one.modalities))
    errors += _check_consent(one.consent, today, reference)
    return errors + warn_of(submission) if strict else errors


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
        yield FieldError.of("diagnosis.icd10", "unknown_icd10")
    if settlement_id is not None and settlement_id not in reference.settlements:
        check()
        near = _near_settlements(settlement_id[:100], reference.settlement_names)
        yield FieldError("settlement_id", "unknown_settlement", message("unknown_settlement") + near)
    for position, modality in enumerate(modalities or ()):
        if modality in (modalities or ())[:position]:
            yield FieldError.of(f"modalities.{position}", "duplicate_modality")


def _check_consent(consent: Consent | None, today: date, reference: Reference) -> Iterator[FieldError]:
    if consent is None:
        if reference.consent_required:
            yield FieldError.of("consent", "consent_missing")
    elif consent.given_on > today:
        yield FieldError.of("consent.given_on", "consent_in_future")


@lru_cache(1_000)
def _near_settlements(text: str, names: tuple[Named, ...]) -> str:
    """Files repeat what they have instead of an id."""
    return did_you_mean(text, names)


def _check_child(child: Child, today: date) -> Iterator[FieldError]:
    if child.birth_date > today:
        yield FieldError.of("child.birth_date", "born_in_future")
    elif age_in_months(child.birth_date, today) >= ADULT_MONTHS:
        yield FieldError.of("child.birth_date", "not_a_child")
    elif child.iin is None and (today - child.birth_date).days > NEWBORN_DAYS:
        yield FieldError.of("child.iin", "iin_required", days=NEWBORN_DAYS)
    if child.iin is not None and _facts(child.iin) is None:
        yield FieldError.of("child.iin", "invalid_iin")


def warn_of(submission: DiagnosisSubmission) -> list[FieldError]:
    """Where the IIN's digits do not say what the child's data says, which is no error (ADR 12)."""
    child = submission.child
    facts = child.iin and _facts(child.iin)
    return list(_compare(child, facts)) if facts else []


def _compare(child: Child, facts: IinFacts) -> Iterator[FieldError]:
    if facts.sex is None:
        yield FieldError.of("child.iin", "iin_without_century")
    elif facts.birth_date is None:
        yield FieldError.of("child.iin", "iin_without_date")
    if facts.birth_date not in (None, child.birth_date):
        yield FieldError.of("child.birth_date", "iin_birth_date_mismatch")
    if facts.sex not in (None, child.sex):
        yield FieldError.of("child.sex", "iin_sex_mismatch")


def _facts(iin: str) -> IinFacts | None:
    try:
        return read_iin(iin)
    except InvalidIin:
        return None
