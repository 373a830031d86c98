"""`/v1/forecast`: each programme's next free dates."""

from functools import partial
from typing import Annotated

from fastapi import Query, Response

from services.contracts.authority import OPERATORS
from services.contracts.vocabulary import Role
from services.kit.http.auditing import audited
from services.kit.http.pages import write_cursor
from services.kit.http.routes import guarded_router
from services.referral.entrypoints.field_types import Word
from services.referral.entrypoints.filters import check_ids, check_own
from services.referral.entrypoints.forecast_schemas import ForecastPage, programme_forecast_of
from services.referral.entrypoints.referrals import Reader, Service, last_seen
from services.referral.handlers.forecast_places import ForecastPlaces
from services.referral.ports import Wanted

router = guarded_router("/v1/forecast", tags=["forecast"])


@router.get("", response_model=ForecastPage)
@audited(never=True)
async def list_forecasts(
    service: Service,
    reader: Reader,
    center_id: Word | None = None,
    region: Word | None = None,
    programme_id: Word | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Programmes by id; a center sees its own. Dates follow from courses in care, agreed days and open offers."""
    sees_all = reader.has(Role.POLYCLINIC, *OPERATORS)
    if not sees_all:
        check_own(center_id=(center_id, reader.org))
    await check_ids(service, center_id=center_id, region=region, programme_id=programme_id)
    wanted = Wanted(center_id if sees_all else reader.org, region, programme_id)
    places, after = service.forecast_for(reader), last_seen(cursor)
    written = await service.forecast_pages(
        (places, wanted, after, limit), partial(_written, places, wanted, after, limit)
    )
    return Response(written, media_type="application/json")


async def _written(places: ForecastPlaces, wanted: Wanted, after: str | None, limit: int) -> bytes:
    found, unavailable = await places.programmes(wanted, after, limit + 1)
    more = write_cursor(found[limit - 1].supply.programme_id) if len(found) > limit else None
    items = [programme_forecast_of(one) for one in found[:limit]]
    return ForecastPage(items=items, next=more, waiting_missing=unavailable).model_dump_json().encode()
