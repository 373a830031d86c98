"""The forecast as the API shows it."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from services.contracts.vocabulary import Modality
from services.kit.http.pages import Page
from services.referral.domain.forecast import NoDate
from services.referral.handlers.foresee import Forecast, ProgrammeForecast, QueueForecast
from services.referral.ports import Missing


class QueueView(BaseModel):
    """A waiting referral's place in one queue, with the numbers that its date was computed from."""

    programme_id: str
    center_id: str
    center_name: str
    position: int = Field(description="1 is next")
    length: int
    places: int
    in_use: int
    course_days: int
    estimated_on: date | None
    how: str | None
    reason: NoDate | None = Field(description="Why there is no date")


class ForecastView(BaseModel):
    """The earliest date of all queues, and how it was computed."""

    estimated_on: date | None
    how: str
    queues: list[QueueView]


class NextFree(BaseModel):
    on: date
    places: int


class ProgrammeForecastView(BaseModel):
    """A programme's next free places from the courses in care. Who waits comes first: see `for_new_child`."""

    programme_id: str
    center_id: str
    center_name: str
    region_id: str
    modality: Modality
    places: int
    in_use: int = Field(description="Offered, accepted or in care; more than `places` after places were taken away")
    free: int
    waiting: int | None
    suspended: bool
    course_days: int
    confirmed_at: datetime
    stale: bool = Field(description="The center has not confirmed its figure for long")
    next_free: list[NextFree] = Field(description="Days of the next 60, today's first")
    for_new_child: date | None = Field(description="For a child that would join the end of the queue now")


class ForecastPage(Page[ProgrammeForecastView]):
    waiting_missing: Missing | None = Field(None, description="Why it is not known now how many wait")


def forecast_of(found: Forecast) -> ForecastView:
    return ForecastView(estimated_on=found.estimated_on, how=found.how, queues=list(map(_queue_of, found.queues)))


def _queue_of(one: QueueForecast) -> QueueView:
    supply = one.supply
    return QueueView(
        programme_id=supply.programme_id,
        center_id=supply.center_id,
        center_name=supply.center_name,
        position=one.position,
        length=one.length,
        places=supply.places,
        in_use=one.outlook.in_use,
        course_days=supply.course_days,
        estimated_on=one.estimated_on,
        how=one.how,
        reason=one.reason,
    )


def programme_forecast_of(one: ProgrammeForecast) -> ProgrammeForecastView:
    supply, found = one.supply, one.outlook
    return ProgrammeForecastView(
        programme_id=supply.programme_id,
        center_id=supply.center_id,
        center_name=supply.center_name,
        region_id=supply.region_id,
        modality=supply.modality,
        places=supply.places,
        in_use=found.in_use,
        free=found.free,
        waiting=one.waiting,
        suspended=supply.suspended,
        course_days=supply.course_days,
        confirmed_at=supply.confirmed_at,
        stale=one.stale,
        next_free=[NextFree(on=day, places=places) for day, places in found.next_free()],
        for_new_child=one.for_new_child,
    )
