"""An event on its way to Kafka, and Kafka's acknowledgement of it. Topics are named without the prefix."""

from dataclasses import dataclass
from typing import NamedTuple


class OutgoingEvent(NamedTuple):
    """An event to publish: topic, Kafka key, and the event's bytes."""

    topic: str
    key: str
    payload: bytes
    event_id: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Where Kafka put an event."""

    topic: str
    partition: int
    offset: int
    event_id: str
