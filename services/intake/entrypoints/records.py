"""What is read over HTTP: a diagnosis as it was submitted, and a child with its referrals."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contracts.submissions import Child, Diagnosis, DiagnosisSubmission, Guardian
from services.contracts.vocabulary import Modality, Priority
from services.intake.handlers.read import DiagnosisRecord
from services.kit.http.problems import Problem


class Private(BaseModel):
    """What holds personal data: errors do not repeat it."""

    model_config = ConfigDict(hide_input_in_errors=True)


class DiagnosisAnswer(Private):
    """A diagnosis as its polyclinic submitted it. `priority` is the one that counts."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    submitted_at: str
    priority: Priority
    child: Child
    guardian: Guardian
    diagnosis: Diagnosis
    settlement_id: str
    modalities: tuple[Modality, ...]
    max_distance_km: float | None

    @classmethod
    def of(cls, record: DiagnosisRecord) -> "DiagnosisAnswer":
        fields = {name: getattr(record.submission, name) for name in DiagnosisSubmission.model_fields}
        return cls.model_construct(**fields | _outline(record) | {"child_id": record.child_id})


class ReferralOutline(BaseModel):
    """One referral of a child, as far as the asker may see it."""

    referral_id: UUID
    polyclinic_id: str
    submitted_at: str
    priority: Priority


class ChildAnswer(Private):
    """A child as last submitted in a referral that the asker may read, and those referrals, the newest first."""

    child_id: UUID
    child: Child
    guardian: Guardian
    referrals: list[ReferralOutline]

    @classmethod
    def of(cls, records: Sequence[DiagnosisRecord]) -> "ChildAnswer":
        newest = records[0]
        return cls(
            child_id=newest.child_id,
            child=newest.submission.child,
            guardian=newest.submission.guardian,
            referrals=[ReferralOutline(**_outline(record)) for record in records],
        )


class Lookup(Private):
    """The body of `POST /v1/children/lookup`: the number is in the body, because addresses are written down."""

    model_config = ConfigDict(extra="forbid")

    iin: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] = Field(examples=["200615600014"])


def not_found(what: str) -> Problem:
    """The same whether it is not there or not the asker's, so that ids do not leak."""
    return Problem(404, "not_found", f"{what}: there is none that you may read")


def _outline(record: DiagnosisRecord) -> dict[str, object]:
    return {
        "referral_id": record.referral_id,
        "polyclinic_id": record.polyclinic_id,
        "submitted_at": record.submitted_at.isoformat(timespec="milliseconds"),
        "priority": record.priority,
    }
