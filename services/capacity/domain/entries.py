"""The stream's flat entries and records, read into events and figures. The scripts' headers say what is in them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.capacity.domain.figures import figures, is_stale
from services.capacity.domain.step import Step, StepId
from services.contracts.claims import ProgrammeCapacity, ProgrammeFigures
from services.contracts.events import (
    CapacityEvent,
    ClaimQueuedV1,
    ClaimWithdrawnV1,
    Payload,
    PlaceHandedOverV1,
    PlaceHeldV1,
    PlaceOccupiedV1,
    PlaceReleasedV1,
    PlacesSetV1,
)
from services.contracts.vocabulary import Modality

_COUNTED: dict[str, type[CapacityEvent]] = {
    "held": PlaceHeldV1,
    "handed_over": PlaceHandedOverV1,
    "released": PlaceReleasedV1,
    "occupied": PlaceOccupiedV1,
    "set": PlacesSetV1,
}


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970; `moment` must be aware."""
    return round(moment.timestamp() * 1000)


def read_record(programme_id: str, record: str) -> tuple[ProgrammeCapacity, int, int]:
    """Capacity, held and occupied of "places held occupied suspended confirmed center region modality"."""
    places, held, occupied, suspended, confirmed, center, region, modality = record.split(" ")
    capacity = ProgrammeCapacity(
        programme_id=programme_id,
        center_id=center,
        region_id=region,
        modality=Modality(modality),
        places=int(places),
        suspended=suspended == "1",
        confirmed_at=from_ms(int(confirmed)),
    )
    return capacity, int(held), int(occupied)


def read_figures(programme_id: str, record: str, waiting: int, now: datetime) -> ProgrammeFigures:
    capacity, held, occupied = read_record(programme_id, record)
    return figures(capacity, held=held, occupied=occupied, waiting=waiting, now=now)


def read_entry(entry_id: str, fields: Mapping[str, str]) -> Step:
    """The step that a script appended; raises KeyError or ValueError when it was not one of ours."""
    step_id = StepId.parse(entry_id)
    read = _read_turn if fields["type"] in ("queued", "withdrawn") else _read_counted
    return Step(step_id, from_ms(int(fields["at"])), read(step_id, fields))


def _read_turn(step_id: StepId, fields: Mapping[str, str]) -> Payload:
    common: dict[str, Any] = {
        "referral_id": fields["referral"],
        "attempt": fields["attempt"],
        "programme_ids": tuple(fields["programmes"].split(" ")),
        "epoch": str(step_id.epoch),
        "sequence": step_id.sequence,
    }
    if fields["type"] == "queued":
        return ClaimQueuedV1(rank=int(fields["rank"]), **common)
    return ClaimWithdrawnV1(**common)


def _read_counted(step_id: StepId, fields: Mapping[str, str]) -> Payload:
    event = _COUNTED[fields["type"]]
    places, held, occupied, suspended, confirmed, center, region, modality = fields["record"].split(" ")
    more: dict[str, Any] = {"stale": True} if is_stale(from_ms(int(confirmed)), from_ms(int(fields["at"]))) else {}
    if event is PlacesSetV1:
        more |= {"suspended": suspended == "1", "confirmed_at": from_ms(int(confirmed))}
    elif event is PlaceHandedOverV1:
        more |= {"left": tuple(fields["left"].split())}
    elif "kept" in fields:
        more |= {"kept": True}
    return event(
        programme_id=fields["programme"],
        center_id=center,
        region_id=region,
        modality=Modality(modality),
        places=int(places),
        held=int(held),
        occupied=int(occupied),
        waiting=int(fields["waiting"]),
        referral_id=fields["referral"] or None,
        attempt=fields["attempt"] or None,
        epoch=str(step_id.epoch),
        sequence=step_id.sequence,
        **more,
    )
