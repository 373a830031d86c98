"""The base class of every event's data."""

from typing import Any, ClassVar

from pydantic import BaseModel


class Payload(BaseModel, frozen=True, extra="ignore"):
    """The data of an event; unknown fields are ignored, so that a producer may add some.

    A subclass names its type, its topics (without the prefix), and the field that is its Kafka key: events that must
    stay in order share a key. It inherits topics and key that it does not name.
    """

    TYPE: ClassVar[str] = ""
    TOPICS: ClassVar[tuple[str, ...]] = ()
    _KEY: ClassVar[str] = ""

    def __init_subclass__(cls, *, type: str = "", topics: tuple[str, ...] = (), key: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.TYPE = f"kz.joldama.{type}" if type else ""
        cls.TOPICS, cls._KEY = topics or cls.TOPICS, key or cls._KEY

    @property
    def key(self) -> str:
        return str(getattr(self, self._KEY))
