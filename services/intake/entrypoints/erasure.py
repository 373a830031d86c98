"""`/v1/children/{child_id}/erase`: a child's personal data is destroyed for good."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, BeforeValidator

from services.contracts.authority import acting_role
from services.contracts.vocabulary import Role
from services.intake.entrypoints.access import TheIntake
from services.intake.entrypoints.openapi import ERASURE_RESPONSES
from services.intake.handlers.erase import HeldByOthers, StillOpen
from services.kit.http.auth import Principal, Require
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["personal data"])
ERASERS = (Role.POLYCLINIC, Role.ADMIN)
Eraser = Annotated[Principal, Depends(Require(*ERASERS))]
"""May erase: the polyclinic that alone has the child, on the guardian's request; an administrator any."""


def _iso(moment: object) -> object:
    return moment.isoformat(timespec="milliseconds") if isinstance(moment, datetime) else moment


class ErasedAnswer(BaseModel, from_attributes=True):
    """The child was erased at that moment; so many of its referrals stay, without anything personal."""

    child_id: UUID
    erased_at: Annotated[str, BeforeValidator(_iso)]
    referrals: int


@router.post("/v1/children/{child_id}/erase", summary="Erase a child", responses=ERASURE_RESPONSES)
async def erase_child(child_id: UUID, eraser: Eraser, intake: TheIntake) -> ErasedAnswer:
    """The child's key is destroyed, with all that finds it again: there is no way back. Figures stay as they are.

    On the guardian's request, by the polyclinic that has all of its referrals, or by an administrator. An open
    referral is to be cancelled first. Repeating it changes nothing; submitted again, it is another child.
    """
    role = acting_role(eraser, ERASERS, polyclinic_id=eraser.org)
    if role is None:
        raise Problem(403, "forbidden", "The token names no organization (claim org).")
    try:
        erased = await intake.erasing.erase(eraser, role, child_id)
    except StillOpen as error:
        detail = f"The child has an open referral, {error.referral_id}: cancel it first"
        raise Problem(409, "referral_open", detail, extra={"referral_id": str(error.referral_id)}) from None
    except HeldByOthers:
        detail = "Another polyclinic has referrals of this child too: an administrator can erase it"
        raise Problem(409, "shared_child", detail) from None
    if erased is None:
        raise Problem(404, "not_found", "child_id: there is none that you may erase")
    return ErasedAnswer.model_validate(erased)
