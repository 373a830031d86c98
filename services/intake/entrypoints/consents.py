"""Withdrawals of consents."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, PlainSerializer

from services.contracts.authority import acting_role
from services.intake.entrypoints.access import JOINERS, Joiner, TheIntake
from services.intake.entrypoints.openapi import refusal
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["consent"])


class Withdrawal(BaseModel, from_attributes=True):
    """The child, its referrals, each of which ends now unless it is over, and when the consent ended."""

    child_id: UUID
    referral_ids: list[UUID]
    withdrawn_at: Annotated[datetime, PlainSerializer(lambda one: one.isoformat(timespec="milliseconds"))]


@router.post(
    "/v1/children/{child_id}/withdraw-consent",
    summary="Withdraw the consent",
    responses={404: refusal("No such child, or none of its referrals is the polyclinic's")},
)
async def withdraw_consent(child_id: UUID, holder: Joiner, intake: TheIntake) -> Withdrawal:
    """The family withdraws its consent: no center reads the child from now on, and its open referral is cancelled.

    The statistics stay. Written down by a polyclinic that has a referral of the child, or by an operator. Repeating it
    changes nothing. A later submission needs a consent of its own.
    """
    role = acting_role(holder, JOINERS, polyclinic_id=holder.org)
    if role is None:
        raise Problem(403, "forbidden", "The token names no organization (claim org).")
    withdrawn = await intake.consents.withdraw(holder, role, child_id)
    if withdrawn is None:
        raise Problem(404, "not_found", "child_id: there is no such child that you may act for")
    return Withdrawal.model_validate(withdrawn)
