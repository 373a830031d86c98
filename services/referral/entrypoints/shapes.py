"""The bodies of the referral API."""

import re
from datetime import date, datetime
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from services.contracts.vocabulary import Catchment, Gmfcs, Modality, OfferState, Priority, ReferralState
from services.referral.adapters.sql_views import CenterView, Story
from services.referral.adapters.tables import CenterRow, ProgrammeRow, ReferralRow
from services.referral.domain.life import owner

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Z]([0-9]{1,2}(\.[0-9A-Z]{0,2})?)?$")]
_NUMBER = re.compile(r"[0-9](?:[ ()-]{0,2}[0-9]){8,}")
_TEXT = r"^[^\x00]*$"  # PostgreSQL's text holds no NUL
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=_TEXT)]
Word = Annotated[str, StringConstraints(max_length=100, pattern=_TEXT)]
"""What is looked up as it was given."""


class Remark(BaseModel):
    """What may go with any command."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, StringConstraints(max_length=500, pattern=_TEXT)] | None = Field(
        None, description="Own words; no personal data: what looks like a phone number or an IIN is refused"
    )

    @field_validator("note")
    @classmethod
    def _names_nobody(cls, note: str | None) -> str | None:
        if note and _NUMBER.search(note):
            raise PydanticCustomError("personal_data", "must not hold a phone number or an IIN")
        return note


class Reasoned(Remark):
    """A command that needs a coded reason of data/reasons.csv."""

    reason: str | None = Field(None, max_length=100, examples=["no_capacity"])


class Acceptance(Remark):
    admit_on: date | None = Field(
        None, description="The day agreed with the family, in Kazakhstan; a week from now when left out"
    )


class Discharge(Remark):
    outcome: str | None = Field(
        None, max_length=100, examples=["improved"], description="A code of data/reasons.csv, kind `outcome`"
    )


class ReferralSummary(BaseModel):
    """A referral in a list."""

    id: str
    child_id: str
    polyclinic_id: str
    state: ReferralState
    version: int
    attempt: int
    priority: Priority
    submitted_at: datetime
    settlement_id: str
    region_id: str
    icd10: str
    gmfcs: Gmfcs | None
    age_months: int
    modalities: list[Modality]
    max_distance_km: float | None
    center_id: str | None
    programme_id: str | None
    owner: str | None = Field(description="Who must act next: network, center:<id>, polyclinic, operators")
    deadline_at: datetime | None
    admit_on: date | None
    admitted_at: datetime | None
    escalated_at: datetime | None
    escalation: str | None = Field(description="Why it is on the operators' worklist")


class OfferView(BaseModel):
    attempt: int
    center_id: str
    center_name: str
    programme_id: str
    modality: Modality | None
    kilometers: float
    state: OfferState
    reason: str | None
    made_at: datetime
    answer_by: datetime
    seen_at: datetime | None
    answered_at: datetime | None


class StepView(BaseModel):
    version: int
    at: datetime
    actor: str
    command: str
    from_state: ReferralState
    to_state: ReferralState
    reason: str | None
    note: str | None


class CandidateView(BaseModel):
    programme_id: str
    center_id: str | None
    center_name: str | None
    modality: Modality | None
    kilometers: float
    free: int | None = Field(description="Free places when the decision was made")
    chosen: bool


class DecisionView(BaseModel):
    """Why this center: candidates in order with kilometers and free places, and by reason who was left out."""

    attempt: int
    at: datetime
    candidates: list[CandidateView]
    excluded: dict[str, list[str]]


class ReferralStory(ReferralSummary):
    """A referral with all that happened to it."""

    offers: list[OfferView]
    history: list[StepView]
    decision: DecisionView | None
    allowed_actions: list[str]


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


def summary(row: ReferralRow) -> ReferralSummary:
    owned = owner(ReferralState(row.state), row.center_id)
    return ReferralSummary.model_validate(row.model_dump() | {"modalities": row.modalities.split(";"), "owner": owned})


def story_of(story: Story, allowed: list[str]) -> ReferralStory:
    """The story, with centers by name."""
    offers = [
        OfferView.model_validate(
            one.model_dump()
            | {
                "center_name": _name(story, one.center_id),
                "modality": _modality(story, one.programme_id),
            }
        )
        for one in story.offers
    ]
    return ReferralStory(
        **summary(story.referral).model_dump(),
        offers=offers,
        history=[StepView.model_validate(one.model_dump()) for one in story.history],
        decision=_decision(story),
        allowed_actions=allowed,
    )


def _name(story: Story, center_id: str) -> str:
    center = story.centers.get(center_id)
    return center.name_en if center else center_id


def _modality(story: Story, programme_id: str) -> str | None:
    programme = story.programmes.get(programme_id)
    return programme.modality if programme else None


def _decision(story: Story) -> DecisionView | None:
    if story.decision is None:
        return None
    chosen = {one.programme_id for one in story.offers if one.attempt == story.decision.attempt}
    candidates = []
    for programme_id, kilometers, free in orjson.loads(story.decision.candidates):
        programme = story.programmes.get(programme_id)
        candidates.append(
            CandidateView(
                programme_id=programme_id,
                center_id=programme.center_id if programme else None,
                center_name=_name(story, programme.center_id) if programme else None,
                modality=Modality(programme.modality) if programme else None,
                kilometers=kilometers,
                free=free,
                chosen=programme_id in chosen,
            )
        )
    return DecisionView(
        attempt=story.decision.attempt,
        at=story.decision.at,
        candidates=candidates,
        excluded=orjson.loads(story.decision.excluded),
    )


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
