"""Whether an event is intake's own: it is not believed for lying in Kafka."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.events import (
    ChildrenJoinedV1,
    ConsentWithdrawnV1,
    DiagnosisCorrectedV1,
    DiagnosisRecordedV1,
    Event,
)
from services.kit.errors import PermanentError
from services.referral.ports import IntakeEvents

VERIFIED = (DiagnosisCorrectedV1, ChildrenJoinedV1, ConsentWithdrawnV1)
"""They change or end a referral that is there, and are rare: intake is asked for each."""


@dataclass(frozen=True)
class VerifyEvents:
    intake: IntakeEvents

    async def __call__(self, events: Mapping[str, Event]) -> None:
        """Raises PermanentError for an event that intake did not publish so, and TransientError while it is away."""
        doubted = {id: event.data for id, event in events.items() if _is_doubted(event)}
        known = await self.intake.published(doubted.keys()) if doubted else {}
        for id, data in doubted.items():
            if known.get(id) != data:
                raise PermanentError(f"{data.TYPE}: intake has published no such event {id[:64]}")


def _is_doubted(event: Event) -> bool:
    """Every child has a `diagnosis.recorded`: with intake's signature intake need not be asked."""
    # a correction has all that a new one tells, and is a class of its own
    return isinstance(event.data, VERIFIED) or (type(event.data) is DiagnosisRecordedV1 and not event.signed)
