"""Steps as server-sent events. Source: WHATWG HTML, section 9.2 (text/event-stream)."""

from dataclasses import dataclass
from functools import cached_property

from services.capacity.domain.step import Step, StepId

BEAT = b": beat\n\n"
RESET = b"event: reset\ndata: {}\n\n"
"""The client has missed steps: it loads `GET /v1/capacity` again and goes on from its `last_event_id`."""
TOKEN_ENDED = b"event: token_ended\ndata: {}\n\n"
"""The last event: the client comes back with a new token and its last event id."""
_REFERRAL = {"referral_id", "attempt", "rank"}


@dataclass(frozen=True)
class FeedMessage:
    """One step, serialized once for all followers. `public` leaves out the referral, which only operators see."""

    step: Step

    @property
    def id(self) -> StepId:
        return self.step.id

    @cached_property
    def full(self) -> bytes:
        return self._serialized(set())

    @cached_property
    def public(self) -> bytes:
        return self._serialized(_REFERRAL)

    def _serialized(self, without: set[str]) -> bytes:
        data = self.step.data.model_dump_json(exclude=without, exclude_none=True)
        return f"id: {self.step.id}\nevent: {self.step.data.TYPE}\ndata: {data}\n\n".encode()
