"""A referral as the API shows it: in a list, and with its whole story."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

from services.contracts.authority import Visibility, actor_as_seen
from services.contracts.vocabulary import Gmfcs, Modality, OfferState, Priority, ReferralState
from services.referral.adapters.rows import read_candidates
from services.referral.adapters.sql_lists import Values
from services.referral.adapters.sql_views import Story
from services.referral.adapters.tables import DecisionRow, OfferRow, QueueEntryRow, ReferralRow
from services.referral.domain.life import owner
from services.referral.domain.routing import Candidate
from services.referral.entrypoints.forecast_schemas import ForecastView, forecast_of
from services.referral.handlers.forecast_places import Forecast
from services.referral.ports import Unavailable

T = TypeVar("T", bound=BaseModel)


class ReferralSummary(BaseModel):
    """A referral in a list. What is null beside the first four is hidden from a center whose part has ended."""

    id: str
    polyclinic_id: str
    state: ReferralState
    version: int
    child_id: str | None
    attempt: int | None
    priority: Priority | None
    submitted_at: datetime | None
    settlement_id: str | None
    region_id: str | None
    icd10: str | None
    gmfcs: Gmfcs | None
    age_months: int | None
    modalities: list[Modality]
    max_distance_km: float | None
    center_id: str | None
    programme_id: str | None
    owner: str | None = Field(description="The next to act: network, center:<id>, polyclinic, operators")
    deadline_at: datetime | None
    admit_on: date | None
    admitted_at: datetime | None
    escalated_at: datetime | None
    escalation: str | None = Field(description="Why it is on the operators' worklist")
    changed_at: datetime | None = Field(
        description="When its polyclinic last corrected the data; the history names the fields, intake has the values"
    )


class StateCount(BaseModel):
    """How many referrals are in a state."""

    state: ReferralState
    count: int
    overdue: int = Field(description="Those whose deadline is past")


class ProgrammeNamed(BaseModel):
    """A programme with its center's name."""

    programme_id: str
    modality: Modality
    center_id: str
    center_name: str


class OfferView(ProgrammeNamed):
    center_phone: str | None
    center_address: str | None
    attempt: int
    kilometers: float
    state: OfferState
    reason: str | None
    made_at: datetime
    answer_by: datetime
    seen_at: datetime | None
    answered_at: datetime | None
    passed_over_until: datetime | None = Field(
        description="The offer expired: the center is not asked again before, unless it answers anything meanwhile"
    )


class HistoryView(BaseModel):
    version: int
    at: datetime
    actor: str = Field(description="role:organization/person; of other organizations without the person")
    command: str
    from_state: ReferralState
    to_state: ReferralState
    reason: str | None
    detail: str | None = Field(description="Coded: the corrected fields, or `joined`")
    note_id: UUID | None = Field(description="The note with which a person acted: read it at intake, by this referral")


class CandidateView(ProgrammeNamed):
    kilometers: float
    free: int | None = Field(description="Free places when the decision was made")
    chosen: bool
    stale: bool = Field(description="The center had not confirmed its figure for long")
    suspended: bool = Field(description="It gave no places when the decision was made; it has a queue all the same")
    behind_km: float | None = Field(description="By policy a stale one is ordered as if it stood so much farther")


class DecisionView(BaseModel):
    """Why this center: candidates in order with kilometers and free places, and the exclusions by reason."""

    attempt: int
    at: datetime
    candidates: list[CandidateView]
    excluded: dict[str, list[str]]


class QueueEntryView(ProgrammeNamed):
    """The child waits, or waited under the decision's attempt, for this programme."""

    since: datetime
    reason: str = Field(description="decided: no candidate had a free place; opened: it opened while the child waited")


class ReferralStory(ReferralSummary):
    """A referral with its offers, history, decision and queues."""

    offers: list[OfferView]
    history: list[HistoryView]
    decision: DecisionView | None
    queues: list[QueueEntryView] = Field(description="The queues joined under the decision's attempt")
    forecast: ForecastView | None = Field(None, description="While the child waits: positions and the earliest date")
    forecast_missing: Unavailable | None = Field(None, description="Why a waiting referral's forecast is missing")
    allowed_actions: list[str]


def summary(row: ReferralRow) -> ReferralSummary:
    """`row` may be what is left for a center whose part has ended."""
    shown = row.model_dump() | {"modalities": [], "owner": None}
    if row.modalities:
        shown |= {"modalities": row.modalities.split(";"), "owner": owner(ReferralState(row.state), row.center_id)}
    return ReferralSummary.model_validate(shown)


def listed(rows: Sequence[Values], following: str | None, headers: Mapping[str, str] | None = None) -> Response:
    """A `Page[ReferralSummary]` of rows that may be what is left for a center; they are ours, and not validated."""
    body = {"items": [_summary(one) for one in rows], "next": following}
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), headers=headers, media_type="application/json")


def _summary(row: Values) -> dict[str, Any]:
    if row["modalities"]:
        acting = owner(row["state"], row["center_id"])
        return {**row, "modalities": row["modalities"].split(";"), "owner": acting}
    return {**row, "modalities": [], "owner": None}


def story_of(
    story: Story, allowed: list[str], visibility: Visibility, forecast: Forecast | Unavailable | None = None
) -> ReferralStory:
    """The story, with centers by name; `forecast` may be the reason why there is none."""
    return ReferralStory(
        **summary(story.referral).model_dump(),
        offers=[_offer(story, one) for one in story.offers],
        history=[
            HistoryView.model_validate(one.model_dump() | {"actor": actor_as_seen(one.actor, visibility)})
            for one in story.history
        ],
        decision=_decision(story, story.decision) if story.decision else None,
        queues=[_named(QueueEntryView, story, one) for one in story.queues],
        forecast=forecast_of(forecast) if isinstance(forecast, Forecast) else None,
        forecast_missing=forecast if isinstance(forecast, Unavailable) else None,
        allowed_actions=allowed,
    )


def _named(kind: type[T], story: Story, one: OfferRow | QueueEntryRow | Candidate, **more: Any) -> T:
    """`one` with its programme's modality and center: a programme stays in the registry when it is closed."""
    programme = story.programmes[one.programme_id]
    center = story.centers[programme.center_id]
    named = {"modality": programme.modality, "center_id": center.id, "center_name": center.name_en}
    return kind.model_validate((asdict(one) if isinstance(one, Candidate) else one.model_dump()) | named | more)


def _offer(story: Story, one: OfferRow) -> OfferView:
    center = story.centers[one.center_id]
    return _named(OfferView, story, one, center_phone=center.phone, center_address=center.address)


def _decision(story: Story, decision: DecisionRow) -> DecisionView:
    chosen = {one.programme_id for one in story.offers if one.attempt == decision.attempt}
    candidates = [
        _named(CandidateView, story, one, stale=one.stale, chosen=one.programme_id in chosen)
        for one in read_candidates(decision.candidates)
    ]
    return DecisionView(
        attempt=decision.attempt, at=decision.at, candidates=candidates, excluded=orjson.loads(decision.excluded)
    )
