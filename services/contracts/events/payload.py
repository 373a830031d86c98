"""What every event's data is."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """The data of an event; unknown fields are ignored, so that a producer may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    TYPE: ClassVar[str]

    @property
    def key(self) -> str:
        """The Kafka key: what must stay in order stays under one key."""
        raise TypeError(f"{type(self).__name__} names no key")
