"""A center with its programmes, as the API takes and shows it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.contracts.vocabulary import Catchment, Modality
from services.kit.http.free_text import TEXT
from services.referral.adapters.sql_views import CenterView
from services.referral.adapters.tables import CenterRow, ProgrammeRow
from services.referral.entrypoints.words import Id

Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Z]([0-9]{1,2}(\.[0-9A-Z]{0,2})?)?$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=TEXT)]


class ProgrammeBody(BaseModel):
    """A center's offer of one modality. Ages are completed months, the second excluded."""

    model_config = ConfigDict(extra="forbid")

    id: Id
    modality: Modality
    age_from_months: int = Field(ge=0, le=216)
    age_under_months: int = Field(gt=0, le=216)
    icd10_prefixes: Annotated[list[Prefix], Field(min_length=1, max_length=100)]
    catchment: Catchment
    places: int = Field(ge=0, le=100_000)
    course_days: int = Field(gt=0, le=3660)
    suspended: bool = False

    @model_validator(mode="after")
    def _ages_in_order(self) -> "ProgrammeBody":
        if self.age_from_months >= self.age_under_months:
            raise ValueError("age_from_months must be less than age_under_months")
        return self


class CenterBody(BaseModel):
    """A center's entry in the registry. Degrees are WGS 84."""

    model_config = ConfigDict(extra="forbid")

    name_kk: Title
    name_ru: Title
    name_en: Title
    region_id: str
    settlement_id: str
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    programmes: Annotated[list[ProgrammeBody], Field(max_length=50)]


class Center(CenterBody):
    id: str
    version: int


def center_of(view: CenterView) -> Center:
    programmes = [
        ProgrammeBody.model_validate(
            one.model_dump(exclude={"center_id", "confirmed_at"}) | {"icd10_prefixes": one.icd10_prefixes.split(";")}
        )
        for one in view.programmes
    ]
    return Center(**view.center.model_dump(), programmes=programmes)


def center_rows(center_id: str, body: CenterBody) -> tuple[CenterRow, list[ProgrammeRow]]:
    """The rows of an entry; the registry sets version and time."""
    center = CenterRow(id=center_id, version=0, **body.model_dump(exclude={"programmes"}))
    programmes = [
        ProgrammeRow(
            center_id=center_id, **one.model_dump(mode="json") | {"icd10_prefixes": ";".join(one.icd10_prefixes)}
        )
        for one in body.programmes
    ]
    return center, programmes
