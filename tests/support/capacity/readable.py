"""The steps of a store in which each entry can be read."""

from collections.abc import Iterable

from services.capacity.domain.step import Step, UnreadableStep


def readable(steps: Iterable[Step | UnreadableStep]) -> list[Step]:
    found = list(steps)
    assert all(isinstance(one, Step) for one in found), found
    return [one for one in found if isinstance(one, Step)]
