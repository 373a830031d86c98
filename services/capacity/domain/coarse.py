"""Figures as they are published to centers and polyclinics."""

from collections.abc import Iterable, Mapping

from services.capacity.domain.figures import free_places
from services.contracts import coarse
from services.contracts.claims import ProgrammeFigures

Figures = Mapping[str, ProgrammeFigures]
"""By programme id."""


def coarsen(before: Figures | None, now: Iterable[ProgrammeFigures], centers: int) -> dict[str, ProgrammeFigures]:
    """What to publish. The registry's part (places, suspended, confirmed when) is everybody's, and as it is now."""
    return coarse.coarsen(before, now, centers, lambda one: (one.held, one.occupied), _counted_as)


def _counted_as(before: ProgrammeFigures, one: ProgrammeFigures) -> ProgrammeFigures:
    held, occupied = before.held, before.occupied
    counts = {
        "held": held,
        "occupied": occupied,
        "waiting": before.waiting,
        "free": free_places(one.places, held, occupied, one.suspended),
        "overcommitted": max(0, held + occupied - one.places),
    }
    return one.model_copy(update=counts)
