"""A polyclinic's submission, in JSON and as a flat CSV row."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from services.contracts.vocabulary import Gmfcs, Language, Modality, Priority, Sex

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
"""E.164."""
NEWBORN_DAYS = 60
"""Up to this age a child may be submitted without an IIN: our decision, two months to register the birth."""


class Strict(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """Personal data: an error names field and reason, never the value, since errors end up in tracebacks."""


class Child(Strict):
    """The child's identity. A newborn may have no IIN yet."""

    iin: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = None
    full_name: Name
    birth_date: date
    sex: Sex


class Guardian(Strict):
    full_name: Name
    phone: Phone


class Diagnosis(Strict):
    icd10: Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, max_length=8)]
    gmfcs: Gmfcs | None = None


class Consent(Strict):
    """The legal representative's consent to this referral: to which text, in which language, and on which day."""

    text_version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
    language: Language
    given_on: date


class DiagnosisSubmission(Strict):
    """What a polyclinic submits, in its normal form."""

    child: Child
    guardian: Guardian
    diagnosis: Diagnosis
    settlement_id: str = Field(description="Home settlement: an id of data/settlements.csv")
    modalities: Annotated[tuple[Modality, ...], Field(min_length=1, max_length=4)]
    max_distance_km: Annotated[float, Field(gt=0, le=5000)] | None = None
    priority: Priority | None = Field(None, description="The clinician's; a child under 36 months is urgent anyway")
    consent: Consent | None = Field(None, description="Of the child's legal representative; a setting makes it needed")


class SubmissionRequest(DiagnosisSubmission):
    """The body of `POST /v1/diagnoses`: a submission, and how it is to be judged."""

    strict: bool = Field(
        False, description="Refuse what would be a warning: an IIN that says another birth date or sex"
    )
    not_duplicate_of: Annotated[tuple[UUID, ...], Field(max_length=50)] | None = Field(
        None,
        description="After 409 `possible_duplicate`: the referrals that it named, when this is another child (a twin); "
        "an empty list when it named none",
    )


class SubmissionWarning(BaseModel):
    """Something to look at in a submission that was taken."""

    field: str
    code: str
    message: str


class DiagnosisReceipt(BaseModel):
    """The answer to a recorded submission."""

    referral_id: UUID
    child_id: UUID
    priority: Priority
    submitted_at: str
    warnings: list[SubmissionWarning] = []


class CheckedDiagnosis(BaseModel):
    """What would be recorded of a submission, in its normal form. Whether the child has a referral is not said."""

    submission: DiagnosisSubmission
    priority: Priority
    warnings: list[SubmissionWarning] = []


CSV_COLUMNS = (
    "iin", "full_name", "birth_date", "sex", "guardian_name", "guardian_phone", "icd10", "gmfcs",
    "settlement_id", "modalities", "max_distance_km", "priority",
)  # fmt: skip
"""The header of a CSV of submissions; `modalities` are separated by `;`, empty cells are left out."""
