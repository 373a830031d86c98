"""The answers with personal data: a diagnosis as it was submitted, and a child with its referrals."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from services.contracts.iin import InvalidIin, read_iin
from services.contracts.submissions import Child, DiagnosisSubmission, Guardian, SubmissionWarning
from services.contracts.vocabulary import Priority
from services.intake.domain.values.iins import iin
from services.intake.domain.values.typed import Refused
from services.intake.handlers.read import DiagnosisRecord
from services.kit.http.problems import Problem


def _iso(moment: object) -> object:
    return moment.isoformat(timespec="milliseconds") if isinstance(moment, datetime) else moment


def meant(read: Callable[[object], object]) -> Callable[[object], object]:
    """`read` as a validator of values as people type them."""

    def validate(value: object) -> object:
        try:
            return read(value)
        except Refused as refused:
            raise PydanticCustomError(refused.code, "not readable") from None

    return validate


def _true_iin(value: object) -> object:
    """A mistyped IIN is refused: no child has it."""
    found = iin(value)
    try:
        if isinstance(found, str):
            read_iin(found)
    except InvalidIin:
        raise Refused("invalid_iin") from None
    return found


Iin = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$"), BeforeValidator(meant(_true_iin))]


class Private(BaseModel, hide_input_in_errors=True):
    """A body with personal data, which errors do not repeat."""


class ReferralOutline(Private, from_attributes=True):
    """A referral without its child. `priority` is the one by which the referral is ranked.

    `changed_at` is when its polyclinic last corrected it, `consent_withdrawn_at` when the consent ended.
    """

    referral_id: UUID
    polyclinic_id: str
    submitted_at: Annotated[str, BeforeValidator(_iso)]
    priority: Priority
    changed_at: Annotated[str | None, BeforeValidator(_iso)] = None
    consent_withdrawn_at: Annotated[str | None, BeforeValidator(_iso)] = None


class DiagnosisAnswer(ReferralOutline, DiagnosisSubmission):
    """A diagnosis as its polyclinic submitted or corrected it, except that `priority` is the referral's."""

    child_id: UUID

    @classmethod
    def of(cls, record: DiagnosisRecord) -> "DiagnosisAnswer":
        outline = ReferralOutline.model_validate(record)
        return cls(**dict(record.submission) | dict(outline) | {"child_id": record.child_id})


class ChildAnswer(Private):
    """A child as in the newest referral that the asker may read, and all of those referrals, the newest first."""

    child_id: UUID
    child: Child
    guardian: Guardian
    referrals: list[ReferralOutline]

    @classmethod
    def of(cls, records: list[DiagnosisRecord]) -> "ChildAnswer":
        newest = records[0]
        return cls(
            child_id=newest.child_id,
            child=newest.submission.child,
            guardian=newest.submission.guardian,
            referrals=[ReferralOutline.model_validate(record) for record in records],
        )


class CorrectionOutcome(Private):
    """What a correction did: `corrected` are the dotted paths of the fields that it changed, none when all were so."""

    corrected: list[str] = []
    warnings: list[SubmissionWarning] = Field([], description="As at submission; of a child's correction only")


class CorrectedDiagnosis(CorrectionOutcome, DiagnosisAnswer):
    """The diagnosis as it is now."""


class CorrectedChild(CorrectionOutcome, ChildAnswer):
    """The child as it is now."""


class Wanted(Private, extra="forbid"):
    """The referrals of a list."""

    referral_ids: Annotated[list[UUID], Field(max_length=100)]


class ChildName(Private):
    referral_id: UUID
    full_name: str


class ChildNames(Private):
    """The names of those that are the polyclinic's own; the others are left out."""

    items: list[ChildName]


class Lookup(Private, extra="forbid"):
    """The body of `POST /v1/children/lookup`: an IIN in the address would be written to access logs."""

    iin: Iin = Field(examples=["200615600014"])


def found(what: str, records: list[DiagnosisRecord]) -> list[DiagnosisRecord]:
    """The records. Raises Problem 404 when there is none, whether it does not exist or may not be read."""
    if not records:
        raise Problem(404, "not_found", f"{what}: there is none that you may read")
    return records
