"""Figures as they are published to centers and polyclinics."""

from collections.abc import Iterable, Mapping

from services.capacity.domain.figures import free_places
from services.contracts import coarse
from services.contracts.claims import ProgrammeFigures, PublicFigures, Some

Figures = Mapping[str, ProgrammeFigures]
"""By programme id."""
FEW = 5
"""From so many on, free places are many."""


def coarsen(before: Figures | None, now: Iterable[ProgrammeFigures], centers: int) -> dict[str, ProgrammeFigures]:
    """What to publish. The registry's part (places, suspended, confirmed when) is everybody's, and as it is now."""
    return coarse.coarsen(before, now, centers, lambda one: (one.held, one.occupied), _counted_as)


def public(one: ProgrammeFigures) -> PublicFigures:
    """What anybody may see of published figures."""
    free = Some.NONE if not one.free else Some.FEW if one.free < FEW else Some.MANY
    return PublicFigures(**one.model_dump(include=set(PublicFigures.model_fields) - {"free"}), free=free)


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
