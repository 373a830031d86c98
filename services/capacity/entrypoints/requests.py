"""Dependencies of capacity's routes: the service, the roles that may call, and the caller's data version."""

from typing import Annotated

from fastapi import Depends, Query, Request

from services.capacity.bootstrap import Capacity
from services.contracts.authority import EVERYWHERE, OPERATORS, acting_role
from services.contracts.claims import DataVersion
from services.contracts.vocabulary import Role
from services.kit.http.auth import Principal, Require
from services.kit.http.problems import Problem

BATCH_BODY = 16 * 1024 * 1024
"""Bytes of a body with a thousand claims."""


def capacity_of(request: Request) -> Capacity:
    found: Capacity = request.app.state.capacity
    return found


def version_seen(
    epoch: Annotated[str | None, Query(description="Of the newest data version in the caller's record")] = None,
    sequence: Annotated[int | None, Query(ge=0)] = None,
) -> DataVersion | None:
    """The data version in the query, or None; raises Problem when only half of it is there."""
    if (epoch is None) != (sequence is None):
        missing = "epoch" if epoch is None else "sequence"
        raise Problem.of_field(missing, "missing", "is needed with the other half of the data version")
    return None if epoch is None else DataVersion(epoch=epoch, sequence=sequence or 0)


Service = Annotated[Capacity, Depends(capacity_of)]
Seen = Annotated[DataVersion | None, Depends(version_seen)]
Reader = Annotated[Principal, Depends(Require(*EVERYWHERE, Role.CENTER, Role.POLYCLINIC))]
CenterOrOperator = Annotated[Principal, Depends(Require(*OPERATORS, Role.CENTER))]
ServiceOnly = Depends(Require(Role.SERVICE))


def check_center(principal: Principal, center_id: str) -> None:
    """Raise Problem 403 unless `principal` is an operator, or this center."""
    if acting_role(principal, (*OPERATORS, Role.CENTER), center_id=center_id) is None:
        raise Problem(403, "forbidden", "This is another center's.")
