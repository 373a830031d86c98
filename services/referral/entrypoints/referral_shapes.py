"""A referral as the API shows it: in a list, and with its whole story."""

from datetime import date, datetime

import orjson
from pydantic import BaseModel, Field

from services.contracts.vocabulary import Gmfcs, Modality, OfferState, Priority, ReferralState
from services.referral.adapters.rows import read_candidates
from services.referral.adapters.sql_views import Story
from services.referral.adapters.tables import ReferralRow
from services.referral.domain.life import owner
from services.referral.entrypoints.forecast_shapes import ForecastView, forecast_of
from services.referral.handlers.foresee import Forecast
from services.referral.ports import Missing


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
    stale: bool = Field(description="The center had not confirmed its figure for long")
    suspended: bool = Field(description="It gave no places when the decision was made; it has a queue all the same")
    behind_km: float | None = Field(description="By policy a stale one is ordered as if it stood so much farther")


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
    forecast: ForecastView | None = Field(None, description="While it waits: its queues, and the earliest date")
    forecast_missing: Missing | None = Field(None, description="Why a waiting referral's forecast is not known now")
    allowed_actions: list[str]


def summary(row: ReferralRow) -> ReferralSummary:
    owned = owner(ReferralState(row.state), row.center_id)
    return ReferralSummary.model_validate(row.model_dump() | {"modalities": row.modalities.split(";"), "owner": owned})


def story_of(story: Story, allowed: list[str], forecast: Forecast | Missing | None = None) -> ReferralStory:
    """The story, with centers by name; `forecast` may be the reason why there is none."""
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
        forecast=forecast_of(forecast) if isinstance(forecast, Forecast) else None,
        forecast_missing=forecast if isinstance(forecast, Missing) else None,
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
    for one in read_candidates(story.decision.candidates):
        programme = story.programmes.get(one.programme_id)
        candidates.append(
            CandidateView(
                programme_id=one.programme_id,
                center_id=programme.center_id if programme else None,
                center_name=_name(story, programme.center_id) if programme else None,
                modality=Modality(programme.modality) if programme else None,
                kilometers=one.kilometers,
                free=one.free,
                chosen=one.programme_id in chosen,
                stale=one.stale,
                suspended=one.suspended,
                behind_km=one.behind_km,
            )
        )
    return DecisionView(
        attempt=story.decision.attempt,
        at=story.decision.at,
        candidates=candidates,
        excluded=orjson.loads(story.decision.excluded),
    )
