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

    def accepts_age(self, months: int) -> bool:
        """Whether a child of so many completed months is neither too young nor too old."""
        return self.age_from_months <= months < self.age_under_months


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
    """A child's needs. `age_months` is of `submitted_at`, `birth_day` the day of the month of the birth date.

    Without it (referrals of older versions) the day of the submission stands for it: the age lags up to a month.
    """

    age_months: int
    settlement_id: str
    region_id: str
    icd10: str
    gmfcs: Gmfcs | None
    modalities: frozenset[Modality]
    max_distance_km: float | None
    priority: Priority
    submitted_at: datetime
    birth_day: int | None = None

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
            birth_day=event.birth_day,
        )

    def age_at(self, now: datetime) -> int:
        """Completed months at `now`, never fewer than at submission."""
        then = day_of(self.submitted_at)
        birth_day = self.birth_day or then.day
        return self.age_months + max(0, _months(day_of(now), birth_day) - _months(then, birth_day))

    def older_at(self, now: datetime) -> datetime:
        """The next moment at which `age_at` is a month more than at `now`."""
        birth_day = self.birth_day or day_of(self.submitted_at).day
        return end_of(_next_month(birth_day, day_of(now)) - timedelta(days=1))


def _months(day: date, birth_day: int) -> int:
    """Counts the months that are completed on this day of each month, or on the first behind a month without it."""
    return day.year * 12 + day.month - (day.day < birth_day)


def _next_month(birthday: int, day: date) -> date:
    """The first day behind `day` that is this day of its month; in a month without such a day, the first behind it."""
    first_of_next = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    if birthday > (first_of_next - timedelta(days=1)).day or birthday == 1:
        return first_of_next
    return day.replace(day=birthday) if day.day < birthday else _next_month(birthday, first_of_next)
