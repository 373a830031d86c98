"""`/v1/children/{child_id}/report`: all that intake holds of a child, and who looked."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, BeforeValidator, Field

from services.contracts.authority import Visibility, acting_role, actor_as_seen
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Role
from services.intake.entrypoints.access import TheIntake
from services.intake.entrypoints.notes import NoteAnswer
from services.intake.entrypoints.openapi import refusal
from services.intake.entrypoints.records import DiagnosisAnswer, Private
from services.intake.handlers.erase import HeldByOthers
from services.intake.handlers.report import Report
from services.intake.handlers.transfer import Transfer, TransferState
from services.kit.audit import note
from services.kit.audit_api import AuditEntry
from services.kit.http.auth import Principal, Require
from services.kit.http.limits import Budget
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["access report"])
REPORTERS = (Role.POLYCLINIC, Role.ADMIN)
Reporter = Annotated[Principal, Depends(Require(*REPORTERS, budget=Budget.LOOK_UPS))]
"""On the family's request: the polyclinic that has all of the child's referrals, or an administrator."""
ENTRIES = 5_000
"""Of the audit log in one report."""


def _iso(moment: object) -> object:
    return moment.isoformat(timespec="milliseconds") if isinstance(moment, datetime) else moment


Moment = Annotated[str, BeforeValidator(_iso)]


class ReportedNote(NoteAnswer):
    referral_id: UUID


class ReportedCorrection(Private, from_attributes=True):
    """What was submitted before and after a correction; who corrected is in `audit_log`."""

    referral_id: UUID
    corrected_at: Moment
    before: DiagnosisSubmission
    after: DiagnosisSubmission


class ReportedTransfer(BaseModel):
    """A polyclinic, `to_polyclinic`, asked the holder for the referral."""

    referral_id: UUID
    state: TransferState
    holder: str
    to_polyclinic: str
    asked_at: Moment
    decided_at: Moment | None
    decided_by: str | None

    @classmethod
    def of(cls, one: Transfer, seen_by: Visibility) -> "ReportedTransfer":
        by = one.decided_by and actor_as_seen(one.decided_by, seen_by)
        return cls(
            referral_id=one.referral_id, state=one.state, holder=one.holder, to_polyclinic=one.to,
            asked_at=one.asked_at, decided_at=one.decided_at, decided_by=by,
        )  # fmt: skip


class ReportAnswer(Private):
    """All that intake holds of a child, in the order of time. `child_ids` has those of children joined into it."""

    child_id: UUID
    child_ids: list[UUID]
    referrals: list[DiagnosisAnswer]
    corrections: list[ReportedCorrection]
    notes: list[ReportedNote]
    transfers: list[ReportedTransfer]
    audit_log: list[AuditEntry]
    audit_log_complete: bool = Field(description=f"False when there are more than {ENTRIES:,} entries")

    @classmethod
    def of(cls, report: Report, reader: Principal, audit_log: list[AuditEntry]) -> "ReportAnswer":
        seen_by = Visibility.of(reader)
        return cls(
            child_id=report.child_id,
            child_ids=list(report.child_ids),
            referrals=[DiagnosisAnswer.of(one) for one in report.records],
            corrections=[ReportedCorrection.model_validate(one) for one in report.corrections],
            notes=[
                ReportedNote(**dict(NoteAnswer.of(one, reader)), referral_id=one.referral_id) for one in report.notes
            ],
            transfers=[ReportedTransfer.of(one, seen_by) for one in report.transfers],
            audit_log=audit_log[:ENTRIES],
            audit_log_complete=len(audit_log) <= ENTRIES,
        )


@router.get(
    "/v1/children/{child_id}/report",
    summary="All that is held of a child, and who looked",
    responses={
        404: refusal("`not_found`: it does not exist, or the polyclinic has no referral of it"),
        409: refusal("`shared_child`: another polyclinic has referrals of it too: an administrator makes the report"),
    },
)
async def read_report(child_id: UUID, reporter: Reporter, intake: TheIntake) -> ReportAnswer:
    """On the family's request, by the polyclinic that has all of its referrals, or an administrator. It is audited.

    What the referral service holds is in its stories (`GET /v1/referrals/{referral_id}`), and who looked there in
    `GET /v1/referrals/{referral_id}/audit-log`. A polyclinic sees persons and addresses of its own only.
    """
    role = acting_role(reporter, REPORTERS, polyclinic_id=reporter.org)
    if role is None:
        raise Problem(403, "forbidden", "The token names no organization (claim org).")
    try:
        report = await intake.reports.of(reporter, role, child_id)
    except HeldByOthers:
        detail = "Another polyclinic has referrals of this child too: an administrator makes its report"
        raise Problem(409, "shared_child", detail) from None
    if report is None:
        raise Problem(404, "not_found", "child_id: there is none of which you may have a report")
    note({"referrals": len(report.records)}, role=role)
    entries = await intake.audit_trail.entries(str(report.child_id), 0, ENTRIES + 1)
    seen = [AuditEntry.of(row).as_seen(reporter.org, everything=role is Role.ADMIN) for row in entries]
    return ReportAnswer.of(report, reporter, seen)
