"""What a polyclinic submits, in JSON and as a flat CSV row."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contracts.vocabulary import Gmfcs, Modality, Priority, Sex

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+7[0-9]{10}$")]


class Strict(BaseModel):
    """Personal data: an error says which field and why, never what was in it, for errors end up in tracebacks."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Child(Strict):
    """Who the child is. A newborn may have no IIN yet."""

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


class DiagnosisSubmission(Strict):
    """The body of `POST /v1/diagnoses`."""

    child: Child
    guardian: Guardian
    diagnosis: Diagnosis
    settlement_id: str = Field(description="Home settlement: an id of data/settlements.csv")
    modalities: Annotated[tuple[Modality, ...], Field(min_length=1, max_length=4)]
    max_distance_km: Annotated[float, Field(gt=0, le=5000)] | None = None
    priority: Priority | None = Field(None, description="The clinician's; a child under 36 months is urgent anyway")


class DiagnosisReceipt(BaseModel):
    """The answer to a submission that was taken."""

    referral_id: UUID
    child_id: UUID
    priority: Priority
    submitted_at: str


CSV_COLUMNS = (
    "iin", "full_name", "birth_date", "sex", "guardian_name", "guardian_phone", "icd10", "gmfcs",
    "settlement_id", "modalities", "max_distance_km", "priority",
)  # fmt: skip
"""The header of a CSV of submissions; `modalities` are separated by `;`, empty cells are left out."""
