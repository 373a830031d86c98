"""A center with its programmes, and a figure, as the API takes and shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.contracts.authority import Visibility, actor_as_seen
from services.contracts.reference import CenterEntry
from services.contracts.vocabulary import Catchment, Modality
from services.referral.adapters.sql_directory import CenterView
from services.referral.domain.programmes import Figure, Programme
from services.referral.domain.registration import Registration
from services.referral.entrypoints.field_types import Id, Phone, Title

Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Z]([0-9]{1,2}(\.[0-9A-Z]{0,2})?)?$")]


class ProgrammeBody(BaseModel, extra="forbid"):
    """A center's service of one modality. Ages are completed months, the second excluded."""

    id: Id
    modality: Modality
    age_from_months: StrictInt = Field(ge=0, le=216)
    age_under_months: StrictInt = Field(gt=0, le=216)
    icd10_prefixes: Annotated[list[Prefix], Field(min_length=1, max_length=100)]
    catchment: Catchment
    course_days: StrictInt = Field(gt=0, le=3660)

    @model_validator(mode="after")
    def _ages_in_order(self) -> "ProgrammeBody":
        if self.age_from_months >= self.age_under_months:
            raise PydanticCustomError("ages_not_in_order", "age_from_months must be less than age_under_months")
        return self


class CenterBody(BaseModel, extra="forbid"):
    """A center's entry in the registry. Degrees are WGS 84. A programme that is left out is closed."""

    name_kk: Title
    name_ru: Title
    name_en: Title
    region_id: str
    settlement_id: str
    latitude: StrictFloat = Field(ge=-90, le=90)
    longitude: StrictFloat = Field(ge=-180, le=180)
    phone: Phone | None = Field(None, description="For families to call, as +7 (7172) 12-34-56")
    address: Title | None = Field(None, description="Street and house, for families to come")
    programmes: Annotated[list[ProgrammeBody], Field(max_length=50)]


class CenterUpdate(CenterBody):
    """The body of a PUT: what a GET has shown can be put back."""

    id: str | None = Field(None, description="That of the path, when given")
    version: StrictInt | None = Field(None, description="When given, the entry must still be of this version")


class Center(CenterBody):
    """An entry as it is in the registry, where names may be of older rules."""

    name_kk: str
    name_ru: str
    name_en: str
    phone: str | None
    address: str | None
    id: str
    version: int


class FigureBody(BaseModel, extra="forbid"):
    """A programme's figure. Sending the same one confirms it."""

    places: StrictInt = Field(ge=0, le=100_000)
    suspended: StrictBool | None = Field(None, description="Left as it is when not given")


class FigureView(BaseModel, from_attributes=True):
    """A programme's figure, who confirmed it and when."""

    center_id: str
    programme_id: str
    places: int
    suspended: bool
    confirmed_at: datetime
    confirmed_by: str = Field(description="role:organization/person; of other organizations without the person")
    version: int

    @classmethod
    def of(cls, figure: Figure, visibility: Visibility) -> "FigureView":
        shown = cls.model_validate(figure)
        return shown.model_copy(update={"confirmed_by": actor_as_seen(figure.confirmed_by, visibility)})


def center_of(view: CenterView) -> Center:
    programmes = [
        ProgrammeBody.model_validate(
            one.model_dump(exclude={"center_id", "closed"}) | {"icd10_prefixes": one.icd10_prefixes.split(";")}
        )
        for one in view.programmes
    ]
    return Center(**view.center.model_dump(exclude={"opened"}), programmes=programmes)


def registration_of(center_id: str, body: CenterBody) -> Registration:
    center = CenterEntry(id=center_id, **body.model_dump(include=set(CenterEntry.model_fields) - {"id"}))
    programmes = [
        Programme(
            center_id=center_id,
            region_id=body.region_id,
            settlement_id=body.settlement_id,
            **one.model_dump() | {"icd10_prefixes": tuple(one.icd10_prefixes)},
        )
        for one in body.programmes
    ]
    return Registration(center, programmes)
