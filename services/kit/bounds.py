"""Bounds of a decoded JSON body: what no request needs is refused before anything costly looks at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_ERRORS = 20
"""Errors that an answer names; of further ones it says how many they are."""
Path = tuple[Any, ...]
_CONTAINERS = (dict, list)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most characters of a text, members of an object or a list, levels, and values in all."""

    text: int = 500
    members: int = 100
    depth: int = 8
    values: int = 10_000


@dataclass(frozen=True, slots=True)
class Excess:
    """What is too large: its path, a code of the catalog of messages, and the bound."""

    path: Path
    code: str
    most: int


def excesses(body: Any, bounds: Bounds) -> list[Excess]:
    """The first of what is too large in `body`, at most MOST_ERRORS; nothing below it is looked at."""
    return [] if _is_within(body, bounds) else _excesses(body, bounds)


def _is_within(body: Any, bounds: Bounds) -> bool:
    """Without a look at paths, as nearly every body is within."""
    left, level = bounds.values, [body]
    for depth in range(bounds.depth + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if len(value) > bounds.text:
                    return False
            elif isinstance(value, _CONTAINERS):
                left -= len(value)
                if depth == bounds.depth or len(value) > bounds.members or left < 0:
                    return False
                below += value.values() if isinstance(value, dict) else value
        level = below
    return True


def _excesses(body: Any, bounds: Bounds) -> list[Excess]:
    found: list[Excess] = []
    left = bounds.values
    level: list[tuple[Path, Any]] = [((), body)]
    for depth in range(bounds.depth + 1):
        below: list[tuple[Path, Any]] = []
        for path, value in level:
            if isinstance(value, str):
                if len(value) > bounds.text:
                    found.append(Excess(path, "text_too_long", bounds.text))
            elif isinstance(value, dict | list):
                left -= len(value)
                if depth == bounds.depth:
                    found.append(Excess(path, "json_too_deep", bounds.depth))
                elif len(value) > bounds.members:
                    found.append(Excess(path, "too_many_members", bounds.members))
                elif left < 0:
                    return [Excess((), "too_many_values", bounds.values)]
                else:
                    below += _members(path, value)
            if len(found) == MOST_ERRORS:
                return found
        level = below
        if not level:
            break
    return found


def _members(path: Path, value: dict[str, Any] | list[Any]) -> Iterator[tuple[Path, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return (((*path, key), one) for key, one in items if isinstance(one, str | dict | list))
