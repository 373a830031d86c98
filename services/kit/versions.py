"""What a writer may expect of a resource's version."""

from dataclasses import dataclass


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
