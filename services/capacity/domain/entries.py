"""Parsing of the stream's entries and the programmes' records. The scripts' headers name their fields."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from services.capacity.domain.figures import Staleness, free_places
from services.capacity.domain.step import Step, StepId, UnreadableStep
from services.contracts.claims import ProgrammeFigures, UnreadableClaim
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
from services.contracts.rebuild import KeptClaim
from services.contracts.vocabulary import ClaimState, Modality
from services.kit.messages import field_path

_EVENTS: dict[str, type[Payload]] = {
    "held": PlaceHeldV1,
    "handed_over": PlaceHandedOverV1,
    "released": PlaceReleasedV1,
    "occupied": PlaceOccupiedV1,
    "set": PlacesSetV1,
    "queued": ClaimQueuedV1,
    "withdrawn": ClaimWithdrawnV1,
}


_STATES = {state.value: state for state in ClaimState}


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


_last: dict[str, tuple[str, Record, ProgrammeFigures]] = {}
"""By programme, of which the registry has so many: its record as it was last read, and its figures."""


def read_figures(programme_id: str, record: str, waiting: int, now: datetime, is_stale: Staleness) -> ProgrammeFigures:
    """Figures that are as at the last reading are the same object: most are, from one answer to the next."""
    text, one, figures = _last.get(programme_id) or ("", None, None)
    if one is None or text != record:
        one, figures = Record.parse(record), None
    stale = is_stale(one.confirmed_at, now)
    if figures is None or (figures.waiting, figures.stale) != (waiting, stale):
        figures = _figures(programme_id, one, waiting, stale)
        _last[programme_id] = record, one, figures
    return figures


def _figures(programme_id: str, one: Record, waiting: int, stale: bool) -> ProgrammeFigures:
    return ProgrammeFigures(
        programme_id=programme_id,
        waiting=waiting,
        free=free_places(one.places, one.held, one.occupied, one.suspended),
        overcommitted=max(0, one.held + one.occupied - one.places),
        stale=stale,
        **one._asdict(),
    )


UNREADABLE = (KeyError, ValueError, OverflowError, OSError, TypeError)
"""What parsing raises for text that no script wrote: a missing field, no number, one that no calendar has."""


def unreadable(error: Exception) -> str:
    """The reason why something in the store cannot be read, without the values."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{field_path(one['loc'])}: {one['type']}" for one in error.errors(include_input=False)[:3])
    return f"{type(error).__name__}: {error}"[:200]


def read_entry(entry_id: str, fields: Mapping[str, str], is_stale: Staleness) -> Step | UnreadableStep:
    """The step that a script appended, or why this entry is none."""
    try:
        return _step(entry_id, fields, is_stale)
    except UNREADABLE as error:
        return UnreadableStep(StepId.stored(entry_id), unreadable(error), fields)


def _step(entry_id: str, fields: Mapping[str, str], is_stale: Staleness) -> Step:
    step_id, at, event = StepId.parse(entry_id), from_ms(int(fields["at"])), _EVENTS[fields["type"]]
    values: dict[str, Any] = {  # each event takes those that it has
        "referral_id": fields["referral"] or None,
        "attempt": int(fields["attempt"]) if fields["attempt"] else None,
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
        values |= {"programme_ids": tuple(fields["programmes"].split(" ")), "rank": int(fields.get("rank", 0))}
    return Step(step_id, at, event(**values), fields.get("traceparent"))


def read_claim(referral_id: UUID, claim: str, queued: str) -> KeptClaim | UnreadableClaim:
    """A claim as the scripts describe it, or why it is none."""
    try:
        attempt, state, *rest = claim.split(" ")
        return KeptClaim(
            referral_id=referral_id,
            attempt=int(attempt),
            state=_STATES[state],
            rank=int(rest[0]) if rest else 0,
            programme_ids=tuple(rest[1:]),
            queued=tuple(queued.split()),
        )
    except UNREADABLE as error:
        return UnreadableClaim(referral_id=referral_id, reason=unreadable(error))
