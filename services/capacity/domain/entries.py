"""Parsing of the stream's entries and the programmes' records. The scripts' headers name their fields."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from services.capacity.domain.figures import Staleness, free_places
from services.capacity.domain.step import Step, StepId
from services.contracts.claims import ProgrammeFigures
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

_EVENTS: dict[str, type[Payload]] = {
    "held": PlaceHeldV1,
    "handed_over": PlaceHandedOverV1,
    "released": PlaceReleasedV1,
    "occupied": PlaceOccupiedV1,
    "set": PlacesSetV1,
    "queued": ClaimQueuedV1,
    "withdrawn": ClaimWithdrawnV1,
}


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970; `moment` must be aware."""
    return round(moment.timestamp() * 1000)


class Record(NamedTuple):
    """A programme's record: "places held occupied suspended confirmed version center region modality"."""

    places: int
    held: int
    occupied: int
    suspended: bool
    confirmed_at: datetime | None
    version: int
    center_id: str
    region_id: str
    modality: Modality

    @classmethod
    def parse(cls, record: str) -> "Record":
        """A record of format 1, still in steps that a rebuild has kept, has no version."""
        places, held, occupied, suspended, confirmed, *version, center, region, modality = record.split(" ")
        confirmed_at = from_ms(int(confirmed)) if confirmed != "0" else None
        return cls(
            int(places), int(held), int(occupied), suspended == "1", confirmed_at, int(" ".join(version) or 0), center,
            region, Modality(modality),
        )  # fmt: skip


def read_figures(programme_id: str, record: str, waiting: int, now: datetime, is_stale: Staleness) -> ProgrammeFigures:
    one = Record.parse(record)
    return ProgrammeFigures(
        programme_id=programme_id,
        waiting=waiting,
        free=free_places(one.places, one.held, one.occupied, one.suspended),
        overcommitted=max(0, one.held + one.occupied - one.places),
        stale=is_stale(one.confirmed_at, now),
        **one._asdict(),
    )


def read_entry(entry_id: str, fields: Mapping[str, str], is_stale: Staleness) -> Step:
    """The step that a script appended; raises KeyError or ValueError for any other entry."""
    step_id, at, event = StepId.parse(entry_id), from_ms(int(fields["at"])), _EVENTS[fields["type"]]
    values: dict[str, Any] = {  # each event takes those that it has
        "referral_id": fields["referral"] or None,
        "attempt": fields["attempt"] or None,
        "epoch": str(step_id.epoch),
        "sequence": step_id.sequence,
    }
    if issubclass(event, CapacityEvent):
        record = Record.parse(fields["record"])
        values |= record._asdict() | {
            "programme_id": fields["programme"],
            "waiting": int(fields["waiting"]),
            "stale": is_stale(record.confirmed_at, at) or None,
            "kept": "kept" in fields or None,
            "left": tuple(fields.get("left", "").split()),
        }
    else:
        values |= {"programme_ids": tuple(fields["programmes"].split(" ")), "rank": fields.get("rank")}
    return Step(step_id, at, event(**values))
