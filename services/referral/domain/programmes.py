"""Programmes and figures of centers, and a child's needs, as the router sees them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.contracts.days import day_of, end_of
from services.contracts.events import DiagnosisRecordedV1
from services.contracts.vocabulary import Catchment, Gmfcs, Modality, Priority


@dataclass(frozen=True, slots=True)
class Programme:
    """A center's service of one modality, and where the center stands."""

    id: str
    center_id: str
    region_id: str
    settlement_id: str
    modality: Modality
    age_from_months: int
    age_under_months: int
    icd10_prefixes: tuple[str, ...]
    catchment: Catchment
    course_days: int


@dataclass(frozen=True, slots=True)
class Figure:
    """How many places a programme has, whether it gives them now, and who confirmed that when.

    `version` counts the figures of the programme.
    """

    programme_id: str
    center_id: str
    places: int
    suspended: bool
    confirmed_at: datetime
    confirmed_by: str
    version: int


@dataclass(frozen=True, slots=True)
class Needs:
    """A child's needs. `age_months` is of `submitted_at`."""

    age_months: int
    settlement_id: str
    region_id: str
    icd10: str
    gmfcs: Gmfcs | None
    modalities: frozenset[Modality]
    max_distance_km: float | None
    priority: Priority
    submitted_at: datetime

    @classmethod
    def of(cls, event: DiagnosisRecordedV1, region_id: str) -> "Needs":
        return cls(
            age_months=event.age_months,
            settlement_id=event.settlement_id,
            region_id=region_id,
            icd10=event.icd10,
            gmfcs=event.gmfcs,
            modalities=frozenset(event.modalities),
            max_distance_km=event.max_distance_km,
            priority=event.priority,
            submitted_at=event.submitted_at,
        )

    def age_at(self, now: datetime) -> int:
        """Completed months at `now`, never fewer than at submission (the birthday is not known here)."""
        then, today = day_of(self.submitted_at), day_of(now)
        months = (today.year - then.year) * 12 + today.month - then.month - (today.day < then.day)
        return self.age_months + max(0, months)

    def older_at(self, now: datetime) -> datetime:
        """The next moment at which `age_at` is a month more than at `now`."""
        return end_of(_next_month(day_of(self.submitted_at).day, day_of(now)) - timedelta(days=1))


def _next_month(birthday: int, day: date) -> date:
    """The first day behind `day` that is this day of its month; in a month without such a day, the first behind it."""
    first_of_next = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    if birthday > (first_of_next - timedelta(days=1)).day or birthday == 1:
        return first_of_next
    return day.replace(day=birthday) if day.day < birthday else _next_month(birthday, first_of_next)
