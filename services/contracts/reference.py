"""The reference data in `data/`: regions, settlements, codes, centers and programmes. Read once, at start."""

import csv
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.contracts.vocabulary import Catchment, Modality


class Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name_kk: str
    name_ru: str
    name_en: str


class Region(Named):
    """One of the twenty divisions of ISO 3166-2:KZ (17 regions, 3 cities of republican significance)."""


class Settlement(Named):
    """A place where a child may live. Degrees are WGS 84."""

    region_id: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    population: int | None = None

    @field_validator("population", mode="before")
    @classmethod
    def _empty_is_unknown(cls, value: object) -> object:
        return None if value == "" else value


class CenterEntry(Named):
    """A center, and where it stands."""

    region_id: str
    settlement_id: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class ProgrammeEntry(BaseModel):
    """A center's offer of one modality. Ages are completed months, the second one excluded."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    center_id: str
    modality: Modality
    age_from_months: int = Field(ge=0)
    age_under_months: int = Field(le=216)
    icd10_prefixes: tuple[str, ...]
    catchment: Catchment
    places: int = Field(ge=0)
    course_days: int = Field(gt=0)

    @field_validator("icd10_prefixes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.split(";")) if isinstance(value, str) else value


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def read_regions(data: Path) -> dict[str, Region]:
    return {row["id"]: Region.model_validate(row) for row in rows(data / "regions.csv")}


def read_settlements(data: Path) -> dict[str, Settlement]:
    return {row["id"]: Settlement.model_validate(row) for row in rows(data / "settlements.csv")}


def read_centers(data: Path) -> dict[str, CenterEntry]:
    return {row["id"]: CenterEntry.model_validate(row) for row in rows(data / "centers.csv")}


def read_programmes(data: Path) -> dict[str, ProgrammeEntry]:
    return {row["id"]: ProgrammeEntry.model_validate(row) for row in rows(data / "programmes.csv")}


def read_icd10_codes(data: Path) -> frozenset[str]:
    """Every code of WHO's ICD-10, version 2019 (categories and subcategories)."""
    return frozenset(row["code"] for row in rows(data / "icd10.csv"))
