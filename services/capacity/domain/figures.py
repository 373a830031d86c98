"""A programme's counts, and how far they can be trusted."""

from datetime import datetime, timedelta

from services.contracts.claims import ProgrammeCapacity, ProgrammeFigures

STALE_AFTER = timedelta(days=7)


def is_stale(confirmed_at: datetime, now: datetime) -> bool:
    """Whether nobody confirmed the figure for seven days."""
    return now - confirmed_at > STALE_AFTER


def free_places(places: int, held: int, occupied: int, suspended: bool) -> int:
    return 0 if suspended else max(0, places - held - occupied)


def figures(capacity: ProgrammeCapacity, *, held: int, occupied: int, waiting: int, now: datetime) -> ProgrammeFigures:
    """The counts of `capacity` at `now`."""
    return ProgrammeFigures(
        **capacity.model_dump(include=set(ProgrammeCapacity.model_fields)),
        held=held,
        occupied=occupied,
        waiting=waiting,
        free=free_places(capacity.places, held, occupied, capacity.suspended),
        overcommitted=max(0, held + occupied - capacity.places),
        stale=is_stale(capacity.confirmed_at, now),
    )
