"""A small made-up country: settlements on one meridian, so that kilometers grow with the latitude."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.contracts.events import DiagnosisRecordedV1, Envelope, Event, Payload
from services.contracts.reference import Settlement
from services.contracts.vocabulary import Catchment, Modality, Priority, ReferralState
from services.referral.domain.network import Network
from services.referral.domain.programmes import Figure, Needs, Programme
from services.referral.domain.referral import Referral
from services.referral.domain.routing import queue_rank

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KILOMETERS_A_DEGREE = 111.0


def settlement(id: str, latitude: float, region_id: str = "KZ-10") -> Settlement:
    return Settlement(id=id, name_kk=id, name_ru=id, name_en=id, region_id=region_id, latitude=latitude, longitude=70.0)


SETTLEMENTS = {
    one.id: one for one in (settlement("home", 43.0), settlement("near", 44.0), settlement("far", 50.0, "KZ-71"))
}


def needs(**changes: Any) -> Needs:
    values: dict[str, Any] = {
        "age_months": 60,
        "settlement_id": "home",
        "region_id": "KZ-10",
        "icd10": "G80.1",
        "gmfcs": None,
        "modalities": frozenset({Modality.DAY_STAY}),
        "max_distance_km": None,
        "priority": Priority.ROUTINE,
        "submitted_at": NOW,
    }
    return Needs(**(values | changes))


def programme(id: str = "p", **changes: Any) -> Programme:
    values: dict[str, Any] = {
        "center_id": f"center-{id}",
        "region_id": "KZ-10",
        "settlement_id": "near",
        "modality": Modality.DAY_STAY,
        "age_from_months": 0,
        "age_under_months": 216,
        "icd10_prefixes": ("G80",),
        "catchment": Catchment.NATION,
        "course_days": 21,
    }
    return Programme(id=id, **(values | changes))


def figure(programme_id: str, places: int = 1, **changes: Any) -> Figure:
    values: dict[str, Any] = {"suspended": False, "confirmed_at": NOW, "confirmed_by": "center:c", "version": 1}
    return Figure(programme_id, f"center-{programme_id}", places, **(values | changes))


def network(
    programmes: Sequence[Programme],
    kilometers: Mapping[str, float] | None = None,
    version: int = 1,
    figures: Sequence[Figure] | None = None,
) -> Network:
    """`kilometers` by center; else by the latitude of the center's settlement. Without `figures` each has one."""
    known = figures if figures is not None else [figure(one.id) for one in programmes]

    def distances(home: Settlement) -> Mapping[str, float]:
        return kilometers or {
            one.center_id: abs(SETTLEMENTS[one.settlement_id].latitude - home.latitude) * KILOMETERS_A_DEGREE
            for one in programmes
        }

    by_id = {one.id: one for one in programmes}
    return Network(version, by_id, {one.programme_id: one for one in known}, SETTLEMENTS, distances)


def referral(number: int = 1, **changes: Any) -> Referral:
    """A new one, at version 0."""
    wanted = changes.pop("needs", None) or needs()
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "child_id": UUID(int=number + 1000),
        "polyclinic_id": "p1",
        "needs": wanted,
        "rank": queue_rank(wanted),
        "state": ReferralState.SUBMITTED,
        "version": 0,
        "attempt": 1,
    }
    return Referral(**(values | changes))


def diagnosis(number: int = 1, **changes: Any) -> DiagnosisRecordedV1:
    """Child `number`, submitted `number` minutes after NOW's day began: the smaller waits in front."""
    values: dict[str, Any] = {
        "referral_id": UUID(int=number),
        "child_id": UUID(int=number + 1000),
        "polyclinic_id": "p1",
        "age_months": 60,
        "settlement_id": "home",
        "icd10": "G80.1",
        "modalities": (Modality.DAY_STAY,),
        "priority": Priority.ROUTINE,
        "submitted_at": NOW - timedelta(hours=9) + timedelta(minutes=number),
    }
    return DiagnosisRecordedV1(**(values | changes))


def event(data: Payload, id: str | None = None) -> Event:
    """`data` as a consumer gets it, signed; its id is made of its type and key unless given."""
    name = id or f"{data.TYPE}:{data.key}:{getattr(data, 'version', '')}:{getattr(data, 'sequence', '')}"[-64:]
    envelope = Envelope(id=name, source="/test", type=data.TYPE, subject=data.key, time=NOW)
    return Event(envelope=envelope, data=data, signed=True)
