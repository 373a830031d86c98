"""`/v1/forecast`: each programme's next free dates."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.kit.http.pages import write_cursor
from services.referral.entrypoints.forecast_shapes import ForecastPage, programme_forecast_of
from services.referral.entrypoints.referrals import Reader, Service, last_seen, scope_of
from services.referral.entrypoints.words import Word
from services.referral.ports import Wanted

router = APIRouter(prefix="/v1/forecast", tags=["forecast"])


@router.get("")
async def list_forecasts(
    service: Service,
    reader: Reader,
    center_id: Word | None = None,
    region: Word | None = None,
    programme_id: Word | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ForecastPage:
    """Programmes by id; a center sees its own. Dates follow from courses in care, agreed days and open offers."""
    own = scope_of(reader).center_id
    wanted = Wanted(center_id if own is None else own, region, programme_id)
    found, missing = await service.foresee.programmes(wanted, last_seen(cursor), limit + 1)
    more = write_cursor(found[limit - 1].supply.programme_id) if len(found) > limit else None
    items = [programme_forecast_of(one) for one in found[:limit]]
    return ForecastPage(items=items, next=more, waiting_missing=missing)
