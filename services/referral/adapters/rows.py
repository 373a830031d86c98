"""Conversion between rows and the domain. What is inserted is plain dictionaries: a batch is one statement a table."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
from pydantic import TypeAdapter

from services.contracts.short_numbers import short_number
from services.contracts.vocabulary import Modality
from services.referral.adapters.tables import CenterRow, FigureRow, ProgrammeRow
from services.referral.domain.kinds import Common, Excluded
from services.referral.domain.programmes import Figure, Needs, Programme
from services.referral.domain.referral import Change, HistoryEntry, Offer, Referral
from services.referral.domain.routing import Candidate, Decision

Values = dict[str, Any]
_needs, _offer_fields, _entry_fields, _programme_fields = (
    [one.name for one in fields(kind)] for kind in (Needs, Offer, HistoryEntry, Programme)
)
_MOVING = (
    "state", "version", "attempt", "center_id", "programme_id", "deadline_at", "due_at", "admit_on", "admitted_at",
    "escalated_at", "escalation", "changed_at", "diagnosis_version",
)  # fmt: skip
"""The columns that a step may change."""
_digests = WeakKeyDictionary[Common, str]()
_referral, _offer = TypeAdapter(Referral), TypeAdapter(Offer)
_programme, _figure = TypeAdapter(Programme), TypeAdapter(Figure)


def _values(one: object, names: Iterable[str]) -> Values:
    return {name: getattr(one, name) for name in names}


def referral_of(values: Mapping[str, Any]) -> Referral:
    needs = {**values, "modalities": values["modalities"].split(";")}
    return _referral.validate_python({**values, "needs": needs})


def modalities_of(listed: str) -> frozenset[Modality]:
    return frozenset(map(Modality, listed.split(";")))


def referral_values(one: Referral) -> Values:
    ids = {"id": str(one.id), "number": short_number(str(one.id)), "child_id": str(one.child_id)}
    own = _values(one, ("polyclinic_id", "submitted_by", "rank"))
    modalities = {"modalities": ";".join(sorted(one.needs.modalities))}
    return _values(one.needs, _needs) | modalities | ids | own | moving_values(one)


def moving_values(one: Referral) -> Values:
    return _values(one, _MOVING)


def offer_of(values: Mapping[str, Any]) -> Offer:
    return _offer.validate_python(values)


def offer_values(one: Offer) -> Values:
    return _values(one, _offer_fields) | {"referral_id": str(one.referral_id)}


def history_values(referral_id: UUID, entry: HistoryEntry) -> Values:
    return _values(entry, _entry_fields) | {
        "referral_id": str(referral_id),
        "note_id": str(entry.note_id) if entry.note_id else None,
    }


def queue_values(referral_id: str, attempt: int, programme_id: str, since: datetime, reason: str) -> Values:
    return {
        "referral_id": referral_id, "attempt": attempt, "programme_id": programme_id, "since": since, "reason": reason,
    }  # fmt: skip


def decision_values(change: Change, decision: Decision, registry_version: int) -> Values:
    return {
        "referral_id": str(change.referral.id),
        "attempt": change.referral.attempt,
        "at": change.entry.at,
        "registry_version": registry_version,
        "candidates": write_candidates(decision.candidates),
        "excluded": write_excluded(decision.own),
        "common": digest_of(decision.common) if decision.common else None,
    }


def write_excluded(excluded: Excluded) -> str:
    return orjson.dumps({reason.value: ids for reason, ids in excluded.items()}).decode()


def digest_of(common: Common) -> str:
    """The name under which it is stored: of its content, so that it is the same in every process."""
    if (known := _digests.get(common)) is None:
        known = _digests[common] = sha256(write_excluded(common.excluded).encode()).hexdigest()[:32]
    return known


def write_candidates(candidates: tuple[Candidate, ...]) -> str:
    """Each as [id, kilometers, free places], for a stale one also the kilometers it is ordered behind (null for a fresh
    one that was suspended), and true for a suspended one."""
    return orjson.dumps([(one.programme_id, one.kilometers, one.free, *_rest(one)) for one in candidates]).decode()


def _rest(one: Candidate) -> tuple[float | bool | None, ...]:
    if one.suspended:
        return one.behind_km, True
    return () if one.behind_km is None else (one.behind_km,)


def read_candidates(text: str) -> tuple[Candidate, ...]:
    return tuple(Candidate(*one) for one in orjson.loads(text))


def programme_of(row: ProgrammeRow, center: CenterRow) -> Programme:
    where = {"region_id": center.region_id, "settlement_id": center.settlement_id}
    prefixes = {"icd10_prefixes": row.icd10_prefixes.split(";")}
    return _programme.validate_python(row.model_dump() | where | prefixes)


def programme_row(one: Programme) -> ProgrammeRow:
    values = _values(one, _programme_fields)
    return ProgrammeRow(**values | {"icd10_prefixes": ";".join(one.icd10_prefixes)})


def figure_of(row: FigureRow, center_id: str) -> Figure:
    return _figure.validate_python(row.model_dump() | {"center_id": center_id})
