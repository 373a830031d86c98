"""CloudEvents 1.0 in structured JSON: an envelope around the data, and one function each way.

Source: CloudEvents specification 1.0.2, JSON event format.
"""

from datetime import datetime
from types import ModuleType
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ValidationError
from pydantic_core import to_json

from services.contracts.events import capacity, diagnosis, referral
from services.contracts.events.payload import Payload
from services.contracts.events.signature import is_signed, sign


class Envelope(BaseModel, frozen=True, extra="ignore"):
    """The CloudEvents attributes. By `id`, which never changes, consumers drop an event delivered twice."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    traceparent: str | None = None


class _Raw(Envelope):
    data: dict[str, Any]


class Event(BaseModel, frozen=True):
    """A consumed event: the envelope, and the data in its own class."""

    envelope: Envelope
    data: Payload
    signed: bool = False
    """With the key that the consumer gave to `read_event`."""


class MalformedEvent(ValueError):
    """The bytes are no event of this network; a retry will not help."""


def _named(module: ModuleType) -> dict[str, type[Payload]]:
    """The event classes of `module` by their type."""
    classes = (one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Payload))
    return {one.TYPE: one for one in classes if one.TYPE}


KNOWN: dict[str, type[Payload]] = _named(diagnosis) | _named(referral) | _named(capacity)


def write_event(
    data: Payload, *, event_id: str, source: str, time: datetime, traceparent: str | None = None, key: bytes = b""
) -> bytes:
    """`data` in its envelope, as the bytes that go to Kafka; `time` must be aware. With a key they are signed."""
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": data.TYPE,
        "subject": data.key,
        "time": time.isoformat(),
        "datacontenttype": "application/json",
    }
    if traceparent:
        envelope["traceparent"] = traceparent
    event = to_json(envelope)[:-1] + b',"data":' + data.__pydantic_serializer__.to_json(data, exclude_none=True) + b"}"
    return sign(event, key) if key else event


def read_event(raw: bytes | None, key: bytes = b"") -> Event | None:
    """The event in `raw`, or None when its type is not known here (consumers ignore those).

    Raises MalformedEvent, naming the field, when the bytes are not a CloudEvent or its data does not fit its type.
    """
    if raw is None:
        raise MalformedEvent("empty message")
    try:
        envelope = _Raw.model_validate_json(raw)
        payload = KNOWN.get(envelope.type)
        if payload is None:
            return None
        data = payload.model_validate(envelope.data)
        return Event.model_construct(envelope=envelope, data=data, signed=is_signed(raw, key))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "message"
        raise MalformedEvent(f"{where}: {first['msg']}") from None
