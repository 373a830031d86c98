"""Between rows and the domain, both ways. The way in is plain dictionaries: batches go in by one statement a table."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from services.contracts.vocabulary import Catchment, Gmfcs, Modality, OfferState, Priority, ReferralState
from services.referral.adapters.tables import CenterRow, OfferRow, ProgrammeRow, ReferralRow
from services.referral.domain.programmes import Needs, Programme
from services.referral.domain.referral import Change, Escalation, Offer, Referral, Step
from services.referral.domain.routing import Candidate, Decision

Values = dict[str, Any]


def referral_of(row: ReferralRow) -> Referral:
    needs = Needs(
        age_months=row.age_months,
        settlement_id=row.settlement_id,
        region_id=row.region_id,
        icd10=row.icd10,
        gmfcs=Gmfcs(row.gmfcs) if row.gmfcs else None,
        modalities=modalities_of(row.modalities),
        max_distance_km=row.max_distance_km,
        priority=Priority(row.priority),
        submitted_at=row.submitted_at,
    )
    return Referral(
        id=UUID(row.id),
        child_id=UUID(row.child_id),
        polyclinic_id=row.polyclinic_id,
        needs=needs,
        rank=row.rank,
        state=ReferralState(row.state),
        version=row.version,
        attempt=row.attempt,
        center_id=row.center_id,
        programme_id=row.programme_id,
        deadline_at=row.deadline_at,
        due_at=row.due_at,
        admit_on=row.admit_on,
        admitted_at=row.admitted_at,
        escalated_at=row.escalated_at,
        escalation=Escalation(row.escalation) if row.escalation else None,
    )


def modalities_of(listed: str) -> frozenset[Modality]:
    return frozenset(map(Modality, listed.split(";")))


def referral_values(one: Referral) -> Values:
    needs = one.needs
    return {
        "id": str(one.id),
        "child_id": str(one.child_id),
        "polyclinic_id": one.polyclinic_id,
        "age_months": needs.age_months,
        "settlement_id": needs.settlement_id,
        "region_id": needs.region_id,
        "icd10": needs.icd10,
        "gmfcs": needs.gmfcs,
        "modalities": ";".join(sorted(needs.modalities)),
        "max_distance_km": needs.max_distance_km,
        "priority": needs.priority,
        "submitted_at": needs.submitted_at,
        "rank": one.rank,
    } | moving_values(one)


def moving_values(one: Referral) -> Values:
    """What a step may change."""
    return {
        "state": one.state,
        "version": one.version,
        "attempt": one.attempt,
        "center_id": one.center_id,
        "programme_id": one.programme_id,
        "deadline_at": one.deadline_at,
        "due_at": one.due_at,
        "admit_on": one.admit_on,
        "admitted_at": one.admitted_at,
        "escalated_at": one.escalated_at,
        "escalation": one.escalation,
    }


def offer_of(row: OfferRow) -> Offer:
    return Offer(
        referral_id=UUID(row.referral_id),
        attempt=row.attempt,
        center_id=row.center_id,
        programme_id=row.programme_id,
        kilometers=row.kilometers,
        state=OfferState(row.state),
        made_at=row.made_at,
        answer_by=row.answer_by,
        reason=row.reason,
        seen_at=row.seen_at,
        answered_at=row.answered_at,
    )


def offer_values(one: Offer) -> Values:
    return {
        "referral_id": str(one.referral_id),
        "attempt": one.attempt,
        "center_id": one.center_id,
        "programme_id": one.programme_id,
        "kilometers": one.kilometers,
        "state": one.state,
        "made_at": one.made_at,
        "answer_by": one.answer_by,
        "reason": one.reason,
        "seen_at": one.seen_at,
        "answered_at": one.answered_at,
    }


def history_values(referral_id: UUID, step: Step) -> Values:
    return {
        "referral_id": str(referral_id),
        "version": step.version,
        "at": step.at,
        "actor": step.actor,
        "command": step.command,
        "from_state": step.from_state,
        "to_state": step.to_state,
        "reason": step.reason,
        "note": step.note,
    }


def decision_values(change: Change, decision: Decision, registry_version: int) -> Values:
    return {
        "referral_id": str(change.referral.id),
        "attempt": change.referral.attempt,
        "at": change.step.at,
        "registry_version": registry_version,
        "candidates": write_candidates(decision.candidates),
        "excluded": orjson.dumps({reason.value: ids for reason, ids in decision.excluded.items()}).decode(),
    }


def write_candidates(candidates: tuple[Candidate, ...]) -> str:
    """Of each its id, kilometers and free places; of a stale one also by how far it is ordered behind, or null where
    that it was suspended comes after it."""
    return orjson.dumps([(one.programme_id, one.kilometers, one.free, *_rest(one)) for one in candidates]).decode()


def _rest(one: Candidate) -> tuple[float | bool | None, ...]:
    if one.suspended:
        return one.behind_km, True
    return () if one.behind_km is None else (one.behind_km,)


def read_candidates(text: str) -> tuple[Candidate, ...]:
    return tuple(Candidate(*one) for one in orjson.loads(text))


def programme_of(row: ProgrammeRow, centers: Mapping[str, CenterRow]) -> Programme:
    center = centers[row.center_id]
    return Programme(
        id=row.id,
        center_id=row.center_id,
        region_id=center.region_id,
        settlement_id=center.settlement_id,
        modality=Modality(row.modality),
        age_from_months=row.age_from_months,
        age_under_months=row.age_under_months,
        icd10_prefixes=tuple(row.icd10_prefixes.split(";")),
        catchment=Catchment(row.catchment),
        places=row.places,
        course_days=row.course_days,
        confirmed_at=row.confirmed_at,
        suspended=row.suspended,
    )
