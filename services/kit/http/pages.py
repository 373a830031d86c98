"""Cursor-paged lists: `{"items": [...], "next": cursor|null}`."""

import base64
import json
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, StringConstraints, TypeAdapter

from services.kit.http.free_text import NO_NUL
from services.kit.http.problems import Problem

T = TypeVar("T")
Text = Annotated[str, StringConstraints(pattern=NO_NUL)]


class Page(BaseModel, Generic[T]):
    """A page of a list; `next` is the cursor of the next page, or null."""

    items: list[T]
    next: str | None = None


def write_cursor(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def read_cursor(cursor: str, kind: type[T]) -> T:
    """The position in `cursor`, a tuple of this type; raises Problem 422 for any other text."""
    try:
        return TypeAdapter(kind).validate_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list") from None
