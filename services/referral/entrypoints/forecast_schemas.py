"""The forecast as the API shows it: codes, numbers and days, from which a client makes its sentences."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, Field

from services.contracts.vocabulary import Modality
from services.kit.http.pages import Page
from services.referral.domain.deadlines import ADMIT_DAYS, ANSWER_DAYS
from services.referral.domain.forecast import NoDate, Outlook
from services.referral.handlers.forecast_places import Forecast, ProgrammeForecast, QueueForecast
from services.referral.ports import Supply, Unavailable


class NextFree(BaseModel):
    on: date
    places: int


class PlacesView(BaseModel):
    """A programme's places, and the days on which they come free."""

    programme_id: str
    center_id: str
    center_name: str
    places: int
    in_use: int = Field(description="Offered, accepted or in care; more than `places` after places were taken away")
    free: int
    course_days: int
    next_free: list[NextFree] = Field(description="Days of the next 60 on which places come free, today's first")


class QueueView(PlacesView):
    """A waiting referral's position in one queue, with the numbers that its date was computed from."""

    position: int = Field(description="1 is next")
    length: int
    estimated_on: date | None
    reason: NoDate | None = Field(description="Why there is no date")


class ForecastView(BaseModel):
    """The earliest date of all queues. Each child in front keeps a place to answer, to come, and for a course."""

    estimated_on: date | None
    programme_id: str | None = Field(description="Of the earliest date")
    answer_days: int = ANSWER_DAYS
    admit_days: int = ADMIT_DAYS
    queues: list[QueueView]


class ProgrammeForecastView(PlacesView):
    """A programme's next free places from the courses in care. Waiting children come first: see `for_new_child`."""

    region_id: str
    modality: Modality
    waiting: int | None
    suspended: bool
    confirmed_at: datetime | None
    stale: bool = Field(description="The center has not confirmed its figure for long")
    for_new_child: date | None = Field(description="For a child who would join the end of the queue now")


class ForecastPage(Page[ProgrammeForecastView]):
    waiting_missing: Unavailable | None = Field(None, description="Why the lengths of queues are missing")


def forecast_of(found: Forecast) -> dict[str, Any]:
    """A ForecastView as plain values."""
    earliest = found.earliest
    return {
        "estimated_on": earliest.estimated_on if earliest else None,
        "programme_id": earliest.supply.programme_id if earliest else None,
        "answer_days": ANSWER_DAYS,
        "admit_days": ADMIT_DAYS,
        "queues": [_queue_of(one) for one in found.queues],
    }


def _queue_of(one: QueueForecast) -> dict[str, Any]:
    own = {"position": one.position, "length": one.length, "estimated_on": one.estimated_on, "reason": one.reason}
    return _places(one.supply, one.outlook) | own


def programme_forecast_of(one: ProgrammeForecast) -> ProgrammeForecastView:
    supply = one.supply
    return ProgrammeForecastView(
        **_places(supply, one.outlook), region_id=supply.region_id, modality=supply.modality, waiting=one.waiting,
        suspended=supply.suspended, confirmed_at=supply.confirmed_at, stale=one.stale, for_new_child=one.for_new_child,
    )  # fmt: skip


def _places(supply: Supply, found: Outlook) -> dict[str, Any]:
    next_free = [{"on": day, "places": places} for day, places in found.next_free]
    named = {name: getattr(supply, name) for name in ("programme_id", "center_id", "center_name", "places")}
    return named | {
        "course_days": supply.course_days, "in_use": found.in_use, "free": found.free, "next_free": next_free,
    }  # fmt: skip
