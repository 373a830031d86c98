"""What a request leaves in the audit log: who did what for which purpose, from where, and whether it was refused."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

DETAIL = 2_000
"""Characters of an entry's detail; a longer one is left out, with its length."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the person's name for the log, role, organization, purpose, and the address of the request."""

    person: str = ""
    role: str = ""
    org: str = ""
    purpose: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One act or read. `refused` is the code of the refusal; `about` are ids by the log's subject columns."""

    by: Actor
    act: str
    refused: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Trail:
    """The entry of the request under way.

    It is written in the first transaction that the request commits, or by itself before the answer. With `apart` it is
    not written in a transaction: the request's transactions bring entries of their own.
    """

    act: str
    who: Callable[[], Actor]
    about: dict[str, str] = field(default_factory=dict)
    detail: dict[str, Any] = field(default_factory=dict)
    role: str = ""
    """The role by which the request was granted, when it is known better than by the route."""
    apart: bool = False
    recorded: bool = False
    _by: Actor | None = None

    def entry(self, refused: str = "", about: Mapping[str, str] | None = None) -> Entry:
        """The request's entry, or one of several that are about other subjects."""
        self._by = self._by or self.who()  # whoever it is, it is the same for all entries of a request
        by = replace(self._by, role=self.role) if self.role else self._by
        if about is None:
            return Entry(by, self.act, refused, dict(self.about), dict(self.detail))
        return Entry(by, self.act, refused, about)


TRAIL: ContextVar[Trail | None] = ContextVar("trail", default=None)
"""The trail of the request under way; None outside of requests that are audited."""


def note(detail: Mapping[str, Any] | None = None, *, role: str = "", **about: object) -> None:
    """Add to the entry of the request under way: details, the role, and ids of its subjects; None adds nothing."""
    if (trail := TRAIL.get()) is not None:
        trail.role = role or trail.role
        trail.detail |= detail or {}
        trail.about |= {name: str(id) for name, id in about.items() if id is not None}


def recorded() -> None:
    """The request's transactions have brought its entries."""
    if (trail := TRAIL.get()) is not None:
        trail.recorded = True
