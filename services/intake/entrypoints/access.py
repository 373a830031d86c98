"""Who may call what: the principals that intake's routes depend on."""

from typing import Annotated

from fastapi import Depends, Request

from services.contracts.vocabulary import Role
from services.intake.bootstrap import Intake
from services.kit.http.auth import Principal, require
from services.kit.http.problems import Problem


async def the_intake(request: Request) -> Intake:
    """Async, because FastAPI takes plain functions to a thread."""
    found: Intake = request.app.state.intake
    return found


def with_organization(principal: Principal) -> Principal:
    if not 0 < len(principal.org) <= 64:
        raise Problem(403, "forbidden", "The token names no organization (claim org).")
    return principal


async def _polyclinic(principal: Annotated[Principal, Depends(require(Role.POLYCLINIC))]) -> Principal:
    return with_organization(principal)


async def _reader(principal: Annotated[Principal, Depends(require(Role.POLYCLINIC, Role.CENTER))]) -> Principal:
    return with_organization(principal)


TheIntake = Annotated[Intake, Depends(the_intake)]
Polyclinic = Annotated[Principal, Depends(_polyclinic)]
"""Only a polyclinic submits: the referral is its own, and nobody submits in another's name."""
Reader = Annotated[Principal, Depends(_reader)]
"""Who may read personal data at all; the record decides which."""
