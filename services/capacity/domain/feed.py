"""Steps as server-sent events. Source: WHATWG HTML, section 9.2 (text/event-stream)."""

from dataclasses import dataclass
from functools import cached_property

from services.capacity.domain.step import Step, StepId

BEAT = b": beat\n\n"
RESET = b"event: reset\ndata: {}\n\n"
"""Steps were missed: load `GET /v1/capacity` again and go on from its `last_event_id`."""
_REFERRAL = {"referral_id", "attempt", "rank"}


@dataclass(frozen=True)
class Told:
    """One step, written once for all who follow. Only operators are told which referral it was about."""

    step: Step

    @property
    def id(self) -> StepId:
        return self.step.id

    @cached_property
    def full(self) -> bytes:
        return self._written(set())

    @cached_property
    def public(self) -> bytes:
        return self._written(_REFERRAL)

    def _written(self, without: set[str]) -> bytes:
        data = self.step.data.model_dump_json(exclude=without, exclude_none=True)
        return f"id: {self.step.id}\nevent: {self.step.data.TYPE}\ndata: {data}\n\n".encode()
