"""Cursor-paged lists: `{"items": [...], "next": cursor|null}`."""

import base64
import json
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from services.kit.http.problems import Problem

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` is the cursor of the part after it, or null."""

    items: list[T]
    next: str | None = None


def write_cursor(*position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def read_cursor(cursor: str, parts: int | None = None) -> list[Any]:
    """The position in `cursor`, of so many `parts` (None: any number); raises Problem 422 for another list's."""
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, list) or (parts is not None and len(position) != parts):
        raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list")
    return position
