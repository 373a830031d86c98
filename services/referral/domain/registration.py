"""A center's entry in the registry, and what its writers may expect of versions."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.contracts.reference import CenterEntry
from services.referral.domain.programmes import Programme


class VersionMoved(Exception):
    """The resource is not of the version that the caller expected."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The caller's precondition: one of `versions`, none of `others`, a resource that exists, or none yet.

    Default: anything. No version is one of an empty `versions`.
    """

    versions: frozenset[int] | None = None
    present: bool = False
    absent: bool = False
    others: frozenset[int] = frozenset()

    def check(self, version: int | None) -> None:
        """Raises VersionMoved unless the version (None: no such resource) is as expected."""
        moved = self.versions is not None and version not in self.versions
        missing = self.present and version is None
        there = version is not None and (self.absent or version in self.others)
        if moved or missing or there:
            raise VersionMoved


ANYTHING = Expected()


@dataclass(frozen=True, slots=True)
class Registration:
    """A center and its open programmes."""

    center: CenterEntry
    programmes: Sequence[Programme]


class InvalidRegistration(Exception):
    """A field that cannot be registered: its dotted path, a stable code, and a message."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.code, self.message = field, code, message


class UnknownProgramme(Exception):
    """The center has no such open programme."""
