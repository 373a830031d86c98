"""The dependencies of intake's routes: the service, and the principals that may call them."""

from typing import Annotated

from fastapi import Depends, Request

from services.contracts.authority import OPERATORS
from services.contracts.vocabulary import Role
from services.intake.bootstrap import Intake
from services.kit.http.auth import Principal, Require
from services.kit.http.limits import Budget


async def the_intake(request: Request) -> Intake:
    """Async, because FastAPI runs plain functions in a thread."""
    found: Intake = request.app.state.intake
    return found


TheIntake = Annotated[Intake, Depends(the_intake)]
Polyclinic = Annotated[Principal, Depends(Require(Role.POLYCLINIC))]
"""May submit: only a polyclinic, in its own name."""
JOINERS = (Role.POLYCLINIC, *OPERATORS)
Joiner = Annotated[Principal, Depends(Require(*JOINERS))]
"""May join children: a polyclinic those of its own, an operator all."""
Reader = Annotated[Principal, Depends(Require(Role.POLYCLINIC, Role.CENTER, budget=Budget.READS))]
"""May read personal data; the access rules decide which."""
Lister = Annotated[Principal, Depends(Require(Role.POLYCLINIC, budget=Budget.READS))]
"""May see its own children's names."""
Seeker = Annotated[Principal, Depends(Require(Role.POLYCLINIC, Role.CENTER, budget=Budget.LOOK_UPS))]
"""May look a child up by its IIN, seldom."""
