"""A center's entry in the registry."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.contracts.reference import CenterEntry
from services.referral.domain.programmes import Programme


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
