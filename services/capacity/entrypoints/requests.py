"""What capacity's routes share: the service behind a request, who may ask, and the caller's mark."""

from typing import Annotated

from fastapi import Depends, Query, Request

from services.capacity.bootstrap import Capacity
from services.contracts.claims import DataVersion
from services.contracts.vocabulary import Role
from services.kit.http.auth import Principal, require
from services.kit.http.problems import Problem


def capacity_of(request: Request) -> Capacity:
    found: Capacity = request.app.state.capacity
    return found


def mark_seen(
    epoch: Annotated[str | None, Query(description="Of the newest mark in the caller's record")] = None,
    sequence: Annotated[int | None, Query(ge=0)] = None,
) -> DataVersion | None:
    """The mark in the query, or None; raises Problem when only half of it is there."""
    if (epoch is None) != (sequence is None):
        missing = "epoch" if epoch is None else "sequence"
        raise Problem.of_field(missing, "missing", "is needed with the other half of the mark")
    return None if epoch is None else DataVersion(epoch=epoch, sequence=sequence or 0)


Service = Annotated[Capacity, Depends(capacity_of)]
Seen = Annotated[DataVersion | None, Depends(mark_seen)]
OPERATORS = (Role.OPERATOR, Role.ADMIN)
Reader = Annotated[Principal, Depends(require(*OPERATORS, Role.CENTER, Role.POLYCLINIC, Role.SERVICE))]
CenterOrOperator = Annotated[Principal, Depends(require(*OPERATORS, Role.CENTER))]
ServiceOnly = Annotated[Principal, Depends(require(Role.SERVICE))]


def check_center(principal: Principal, center_id: str) -> None:
    """Raise Problem 403 unless `principal` is an operator, or this center."""
    if not principal.has(*OPERATORS) and principal.org != center_id:
        raise Problem(403, "forbidden", "This is another center's.")
