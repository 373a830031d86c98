"""A step of capacity: one change, its event, and its id, which never changes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.contracts.claims import DataVersion
from services.contracts.events import Payload

_ID = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class StepId:
    """`<epoch>-<sequence>`: the id in the stream, of the event, and the feed's `Last-Event-ID`."""

    epoch: int
    sequence: int

    @classmethod
    def parse(cls, text: str) -> "StepId":
        """Raises ValueError when `text` is no such id."""
        found = _ID.fullmatch(text)
        if not found:
            raise ValueError("must be an id of this feed: <epoch>-<sequence>")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, version: DataVersion) -> "StepId":
        return cls(int(version.epoch), version.sequence)

    @property
    def data_version(self) -> DataVersion:
        return DataVersion(epoch=str(self.epoch), sequence=self.sequence)

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"

    @classmethod
    def stored(cls, text: str) -> "StepId":
        """The id of an entry of the stream, whoever wrote it."""
        epoch, sequence = text.split("-")
        return cls(int(epoch), int(sequence))


START = StepId(0, 0)
"""Before every step."""


@dataclass(frozen=True, slots=True)
class Step:
    """`at` is the caller's time, aware and in UTC."""

    id: StepId
    at: datetime
    data: Payload
    traceparent: str | None = None

    @property
    def event_id(self) -> str:
        """The CloudEvents id: the same however often the step is published."""
        return f"capacity-{self.id}"


@dataclass(frozen=True, slots=True)
class UnreadableStep:
    """An entry of the stream that no script wrote so: it is set aside with its reason, and the others go on."""

    id: StepId
    reason: str
    fields: Mapping[str, str]
