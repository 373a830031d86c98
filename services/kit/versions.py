"""What a writer may expect of a resource's version."""

from dataclasses import dataclass


class VersionMoved(Exception):
    """The resource is not of the version that the caller expected."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The caller's precondition: one of these versions, a resource that exists, or none yet. Default: anything."""

    versions: frozenset[int] = frozenset()
    present: bool = False
    absent: bool = False

    def check(self, version: int | None) -> None:
        """Raises VersionMoved unless the version (None: no such resource) is as expected."""
        moved = version not in self.versions if self.versions else self.present and version is None
        if moved or (self.absent and version is not None):
            raise VersionMoved


ANYTHING = Expected()
