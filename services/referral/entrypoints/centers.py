"""`/v1/centers`: the registry of centers and programmes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from services.contracts.vocabulary import Role
from services.kit.http.auth import Principal, require
from services.kit.http.pages import Page, write_cursor
from services.kit.http.problems import Problem
from services.referral.bootstrap import ReferralService
from services.referral.entrypoints.center_shapes import Center, CenterBody, center_of, center_rows
from services.referral.entrypoints.referrals import READERS, Service, last_seen
from services.referral.entrypoints.words import Id, Word

router = APIRouter(prefix="/v1/centers", tags=["centers"])
Operator = Annotated[Principal, Depends(require(Role.OPERATOR, Role.ADMIN))]


@router.get("", dependencies=[Depends(READERS)])
async def list_centers(
    service: Service,
    region_id: Word | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[Center]:
    """The centers with their programmes, by id."""
    found = await service.views.centers(region_id, last_seen(cursor), limit + 1)
    more = write_cursor(found[limit - 1].center.id) if len(found) > limit else None
    return Page(items=[center_of(one) for one in found[:limit]], next=more)


@router.get("/{center_id}", dependencies=[Depends(READERS)])
async def read_center(center_id: Word, service: Service, response: Response) -> Center:
    """One center with its programmes."""
    found = await service.views.center(center_id)
    if found is None:
        raise Problem(404, "center_not_found", f"There is no center {center_id}.")
    response.headers["ETag"] = f'"{found.center.version}"'
    return center_of(found)


@router.put("/{center_id}")
async def put_center(
    center_id: Annotated[Id, Path()], body: CenterBody, service: Service, _: Operator, response: Response
) -> Center:
    """Register a center or change its entry. The same entry again changes nothing. Programmes are never dropped."""
    await _check(center_id, body, service)
    await service.registry.put_center(*center_rows(center_id, body))
    return await read_center(center_id, service, response)


async def _check(center_id: str, body: CenterBody, service: ReferralService) -> None:
    network = await service.registry.network()
    settlement = network.settlements.get(body.settlement_id)
    if settlement is None:
        raise Problem.of_field("settlement_id", "unknown_settlement", "is no id of data/settlements.csv")
    if settlement.region_id != body.region_id:
        raise Problem.of_field("region_id", "wrong_region", f"the settlement lies in {settlement.region_id}")
    for index, one in enumerate(body.programmes):
        known = network.programmes.get(one.id)
        if known and known.center_id != center_id:
            raise Problem.of_field(f"programmes.{index}.id", "taken", f"belongs to center {known.center_id}")
    if len({one.id for one in body.programmes}) < len(body.programmes):
        raise Problem.of_field("programmes", "repeated", "two programmes have the same id")
