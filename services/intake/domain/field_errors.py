"""What is wrong with one field."""

from dataclasses import dataclass

from services.kit.messages import message


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: its dotted path, a stable code, and a message without the refused value."""

    field: str
    code: str
    message: str

    @classmethod
    def of(cls, field: str, code: str, **given: object) -> "FieldError":
        """With the catalog's message."""
        return cls(field, code, message(code, **given))
