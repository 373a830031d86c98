"""A referral as the API shows it: in a list, and with its whole story."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from fastapi import Response
from pydantic import BaseModel, Field

from services.contracts.authority import Visibility, actor_as_seen
from services.contracts.vocabulary import Gmfcs, Modality, OfferState, Priority, ReferralState
from services.kit.http.preconditions import etag
from services.referral.adapters.rows import read_candidates
from services.referral.adapters.sql_lists import Values, shown
from services.referral.adapters.sql_stories import Row, Story
from services.referral.domain.life import owner
from services.referral.domain.routing import Candidate
from services.referral.entrypoints.forecast_schemas import ForecastView, forecast_of
from services.referral.handlers.forecast_places import Forecast
from services.referral.ports import Unavailable


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


def listed(rows: Sequence[Values], following: str | None, headers: Mapping[str, str] | None = None) -> Response:
    """A `Page[ReferralSummary]` of rows that may be what is left for a center; they are ours, and not validated."""
    body = {"items": [_summary(one) for one in rows], "next": following}
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), headers=headers, media_type="application/json")


def _summary(row: Values) -> dict[str, Any]:
    if row["modalities"]:
        acting = owner(row["state"], row["center_id"])
        return {**row, "modalities": row["modalities"].split(";"), "owner": acting}
    return {**row, "modalities": [], "owner": None}


def told(
    story: Story, allowed: list[str], visibility: Visibility, forecast: Forecast | Unavailable | None = None
) -> Response:
    """A ReferralStory with its ETag, of plain values; `forecast` may be the reason why there is none."""
    body = _summary(shown(story.referral)) | {
        "offers": [_offer(story, one) for one in story.offers],
        "history": [_values(one, _HISTORY) | {"actor": actor_as_seen(one.actor, visibility)} for one in story.history],
        "decision": _decision(story, story.decision) if story.decision else None,
        "queues": [_values(one, _QUEUE) | _named(story, one.programme_id) for one in story.queues],
        "forecast": forecast_of(forecast) if isinstance(forecast, Forecast) else None,
        "forecast_missing": forecast if isinstance(forecast, Unavailable) else None,
        "allowed_actions": allowed,
    }
    written = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    return Response(written, headers={"ETag": etag(story.referral.version)}, media_type="application/json")


def _fields(kind: type[BaseModel], *others: str) -> tuple[str, ...]:
    """Those of a view that are its row's columns."""
    return tuple(name for name in kind.model_fields if name not in {*ProgrammeNamed.model_fields, *others})


_HISTORY, _QUEUE = _fields(HistoryView, "actor"), _fields(QueueEntryView)
_OFFER = _fields(OfferView, "center_phone", "center_address")


def _values(row: Row, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _named(story: Story, programme_id: str) -> dict[str, Any]:
    """A programme with its modality and center: it stays in the registry when it is closed."""
    programme = story.directory.programmes[programme_id]
    center = story.directory.centers[programme.center_id]
    return {
        "programme_id": programme_id, "modality": programme.modality, "center_id": center.id,
        "center_name": center.name_en,
    }  # fmt: skip


def _offer(story: Story, one: Row) -> dict[str, Any]:
    center = story.directory.centers[one.center_id]
    contacts = {"center_phone": center.phone, "center_address": center.address}
    return _values(one, _OFFER) | _named(story, one.programme_id) | contacts


def _decision(story: Story, decision: Row) -> dict[str, Any]:
    chosen = {one.programme_id for one in story.offers if one.attempt == decision.attempt}
    candidates = [_candidate(story, one, chosen) for one in read_candidates(decision.candidates)]
    excluded = orjson.Fragment(decision.excluded)
    return {"attempt": decision.attempt, "at": decision.at, "candidates": candidates, "excluded": excluded}


def _candidate(story: Story, one: Candidate, chosen: Collection[str]) -> dict[str, Any]:
    return _named(story, one.programme_id) | {
        "kilometers": one.kilometers, "free": one.free, "chosen": one.programme_id in chosen, "stale": one.stale,
        "suspended": one.suspended, "behind_km": one.behind_km,
    }  # fmt: skip
