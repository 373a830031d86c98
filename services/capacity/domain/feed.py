"""Steps as server-sent events. Source: WHATWG HTML, section 9.2 (text/event-stream)."""

from dataclasses import dataclass
from functools import cached_property

from services.capacity.domain.step import Step, StepId
from services.contracts.claims import ProgrammeFigures

BEAT = b": beat\n\n"
RESET = b"event: reset\ndata: {}\n\n"
"""The client has missed steps: it loads `GET /v1/capacity` again and goes on from its `last_event_id`."""
TOKEN_ENDED = b"event: token_ended\ndata: {}\n\n"
"""The last event: the client comes back with a new token and its last event id."""
_PRIVATE = {"referral_id", "attempt", "rank", "left"}
"""The referral, and where else it stood: for operators only."""


@dataclass(frozen=True)
class FeedMessage:
    """One step, serialized once for all followers."""

    step: Step

    @property
    def id(self) -> StepId:
        return self.step.id

    @cached_property
    def full(self) -> bytes:
        """For operators."""
        return self._serialized(set())

    @cached_property
    def public(self) -> bytes:
        """Without the referral, for the programme's own center."""
        return self._serialized(_PRIVATE)

    @property
    def center_id(self) -> str | None:
        """The center of the step's programme; None where it is about queues, of which there may be many."""
        return getattr(self.step.data, "center_id", None)

    def _serialized(self, without: set[str]) -> bytes:
        data = self.step.data.model_dump_json(exclude=without, exclude_none=True)
        return f"id: {self.step.id}\nevent: {self.step.data.TYPE}\ndata: {data}\n\n".encode()


def figures_message(id: StepId, one: ProgrammeFigures) -> bytes:
    """A programme's figures as they were published at that step."""
    return f"id: {id}\nevent: figures\ndata: {one.model_dump_json(exclude_none=True)}\n\n".encode()
