"""Figures as centers and polyclinics see them of others: nobody can tell from them where one child went.

A child whom a center declines is a place more in use somewhere else. In a quiet hour that is the only change, however
seldom figures are published. So the counts of all programmes change together, and only once those of some centers have.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar


class OfProgramme(Protocol):
    @property
    def programme_id(self) -> str: ...

    @property
    def center_id(self) -> str: ...


T = TypeVar("T", bound=OfProgramme)


def coarsen(
    before: Mapping[str, T] | None,
    now: Iterable[T],
    centers: int,
    in_use: Callable[[T], object],
    counted_as: Callable[[T, T], T],
) -> dict[str, T]:
    """What to publish, by programme: all as they are once `in_use` differs at so many `centers`.

    Before that each is as it is now, but `counted_as` it was published before.
    """
    fresh = {one.programme_id: one for one in now}
    if before is None:
        return fresh
    differing = {one.center_id for id, one in fresh.items() if id in before and in_use(before[id]) != in_use(one)}
    if len(differing) >= centers:
        return fresh
    return {id: counted_as(before[id], one) if id in before else one for id, one in fresh.items()}
