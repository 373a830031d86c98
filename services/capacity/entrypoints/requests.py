"""Dependencies of capacity's routes: the service, the roles that may call, and the caller's data version."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Query, Request

from services.capacity.bootstrap import Capacity
from services.contracts.authority import OPERATORS, acting_role
from services.contracts.claims import DataVersion
from services.contracts.near_matches import Named, did_you_mean
from services.contracts.numbers import Epoch
from services.contracts.vocabulary import Role
from services.kit.http.auth import Principal, Require
from services.kit.http.problems import Problem

BATCH_BODY = 16 * 1024 * 1024
"""Bytes of a body with a thousand claims."""


async def capacity_of(request: Request) -> Capacity:
    """Async, as all of these: FastAPI runs plain functions in a thread."""
    found: Capacity = request.app.state.capacity
    return found


async def version_seen(
    epoch: Annotated[Epoch | None, Query(description="Of the newest data version in the caller's record")] = None,
    sequence: Annotated[int | None, Query(ge=0, le=10**13)] = None,
) -> DataVersion | None:
    """The data version in the query, or None; raises Problem when only half of it is there."""
    if (epoch is None) != (sequence is None):
        missing = "epoch" if epoch is None else "sequence"
        raise Problem.of_field(missing, "missing", "is needed with the other half of the data version")
    return None if epoch is None else DataVersion(epoch=epoch, sequence=sequence or 0)


async def known_region(
    request: Request, region: Annotated[str | None, Query(description="Id of a region, such as KZ-75")] = None
) -> str | None:
    """The region in the query; raises Problem 422, with near matches, when there is none of this id."""
    regions: Sequence[Named] = request.app.state.regions
    if region is not None and region not in {one.id for one in regions}:
        message = f"there is no region with this id{did_you_mean(region, regions)}"
        raise Problem.of_field("region", "unknown_region", message)
    return region


Region = Annotated[str | None, Depends(known_region)]
Service = Annotated[Capacity, Depends(capacity_of)]
Seen = Annotated[DataVersion | None, Depends(version_seen)]
LIVE = (*OPERATORS, Role.REFERRAL_API)
"""Who sees all figures as they are, the referral service for forecasts; the others see of others what was published."""
Reader = Annotated[Principal, Depends(Require(*OPERATORS, Role.CENTER, Role.POLYCLINIC))]
FeedReader = Annotated[Principal, Depends(Require(*OPERATORS, Role.CENTER, Role.POLYCLINIC, Role.CONSOLE))]
FiguresReader = Annotated[Principal, Depends(Require(*LIVE, Role.CENTER, Role.POLYCLINIC))]
CenterOrOperator = Annotated[Principal, Depends(Require(*OPERATORS, Role.CENTER))]
WorkerOnly = Depends(Require(Role.REFERRAL_WORKER))
"""Changes claims and programmes."""
ReferralOnly = Depends(Require(Role.REFERRAL_WORKER, Role.REFERRAL_API))
"""Reads claims, and rebuilds all from the record: in the worker, and in the API at an operator's request."""


def check_center(principal: Principal, center_id: str) -> None:
    """Raise Problem 403 unless `principal` is an operator, or this center."""
    if acting_role(principal, (*OPERATORS, Role.CENTER), center_id=center_id) is None:
        raise Problem(403, "forbidden", "This is another center's.")
