"""Figures as centers and polyclinics see them of others: nobody can tell from them where one child went.

A child that a center declines is a place more in use somewhere else. In a quiet hour that is the only change, however
seldom figures are published. So the counts of all programmes change together, and only once those of some centers have.
"""

from collections.abc import Iterable, Mapping

from services.capacity.domain.figures import free_places
from services.contracts.claims import ProgrammeFigures

Figures = Mapping[str, ProgrammeFigures]
"""By programme id."""


def coarsen(before: Figures | None, now: Iterable[ProgrammeFigures], centers: int) -> dict[str, ProgrammeFigures]:
    """What to publish: figures as they are, with the counts published before while fewer than `centers` differ in use.

    The registry's part (places, suspended, confirmed when) is everybody's, and always as it is now.
    """
    fresh = {one.programme_id: one for one in now}
    if before is None:
        return fresh
    differing = {one.center_id for id, one in fresh.items() if id in before and _in_use(before[id]) != _in_use(one)}
    if len(differing) >= centers:
        return fresh
    return {id: _counted_as(before[id], one) if id in before else one for id, one in fresh.items()}


def _in_use(one: ProgrammeFigures) -> tuple[int, int]:
    return one.held, one.occupied


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
