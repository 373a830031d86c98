"""The reference data in `data/`: regions, settlements, codes, centers and programmes. Read once, at start."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from services.contracts.near_matches import Named
from services.contracts.vocabulary import Catchment, Modality

T = TypeVar("T", bound=BaseModel)


class _Location(BaseModel, frozen=True, extra="ignore"):
    """A named point in one of the twenty regions of ISO 3166-2:KZ. Degrees are WGS 84."""

    id: str
    name_kk: str
    name_ru: str
    name_en: str
    region_id: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class Settlement(_Location):
    """A city, town or village: a child's home."""

    population: Annotated[int | None, BeforeValidator(lambda text: None if text == "" else text)] = None


class DayOff(BaseModel, frozen=True, extra="forbid"):
    """A day that is off, or worked, whatever the `holidays` library says."""

    date: date
    day: Literal["off", "working"]
    source: str = Field(min_length=1)


Known = Annotated[str | None, BeforeValidator(lambda text: text or None)]
"""An empty column is unknown."""


class CenterEntry(_Location):
    """A center; its settlement is the one in which it stands. `phone` and `address` are for families."""

    settlement_id: str
    phone: Known = None
    address: Known = None


class ProgrammeEntry(BaseModel, frozen=True, extra="ignore"):
    """A center's offer of one modality. Ages are completed months, the second one excluded."""

    id: str
    center_id: str
    modality: Modality
    age_from_months: int = Field(ge=0)
    age_under_months: int = Field(le=216)
    icd10_prefixes: Annotated[tuple[str, ...], BeforeValidator(lambda text: (text or "").split(";"))]
    catchment: Catchment
    places: int = Field(ge=0)
    course_days: int = Field(gt=0)


class WrongData(ValueError):
    """A row of the reference data that cannot be read, named by its file, line and column."""


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Raises OSError and WrongData."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from csv.DictReader(file)
        except (csv.Error, UnicodeDecodeError) as error:
            raise WrongData(f"{path}: {error}") from None


def _read(path: Path, kind: type[T]) -> Iterator[T]:
    for line, row in enumerate(rows(path), 2):
        try:
            yield kind.model_validate(row)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise WrongData(f"{path}:{line}: {wrong}") from None


def read_settlements(data: Path) -> dict[str, Settlement]:
    return {one.id: one for one in _read(data / "settlements.csv", Settlement)}


def read_centers(data: Path) -> dict[str, CenterEntry]:
    return {one.id: one for one in _read(data / "centers.csv", CenterEntry)}


def read_programmes(data: Path) -> dict[str, ProgrammeEntry]:
    return {one.id: one for one in _read(data / "programmes.csv", ProgrammeEntry)}


def read_days_off(data: Path) -> dict[date, bool]:
    """Of each day for which the `holidays` library is wrong or unsure, whether it is worked."""
    return {one.date: one.day == "working" for one in _read(data / "days_off.csv", DayOff)}


def read_icd10_codes(data: Path) -> frozenset[str]:
    """All codes of WHO's ICD-10, version 2019: categories and subcategories."""
    return frozenset(row["code"] for row in rows(data / "icd10.csv"))


def read_regions(data: Path) -> list[Named]:
    """The twenty regions of ISO 3166-2:KZ, with their names in Kazakh, Russian and English."""
    return [Named(row["id"], (row["name_kk"], row["name_ru"], row["name_en"])) for row in rows(data / "regions.csv")]
