"""What capacity, which has no database, enters in the referral service's audit log: who read a queue or had a feed."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

MOST = 100
"""Entries of one request."""
Word = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=200)]
Text = Annotated[str, StringConstraints(max_length=200)]
"""Stored as JSON, so it may have a NUL."""
Count = Annotated[int, Field(ge=0, le=10**13)]
CapacityAct = Literal["show_queue", "follow", "end_feed"]


class CapacityEntry(BaseModel, extra="forbid"):
    """One read. The referral service makes the person's name of `subject`, for it has the key."""

    act: CapacityAct
    subject: Annotated[str, StringConstraints(max_length=255)]
    role: Word
    org: Word
    purpose: Word
    address: Word
    refused: Word = ""
    detail: Annotated[dict[Text, Text | Count | dict[Text, Text]], Field(max_length=20)] = {}


class CapacityEntries(BaseModel, extra="forbid"):
    """The body of `POST /v1/audit-log/entries`."""

    entries: Annotated[tuple[CapacityEntry, ...], Field(min_length=1, max_length=MOST)]
