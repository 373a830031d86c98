"""Whether an event is intake's own: what takes a referral from somebody is not believed for lying in Kafka."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.contracts.events import ChildrenJoinedV1, ConsentWithdrawnV1, DiagnosisCorrectedV1, Payload
from services.kit.errors import PermanentError
from services.referral.ports import IntakeEvents

VERIFIED = (DiagnosisCorrectedV1, ChildrenJoinedV1, ConsentWithdrawnV1)
"""They change or end a referral that is there, and are rare. Of a new one intake is not asked: docs/security.md."""


@dataclass(frozen=True)
class VerifyEvents:
    intake: IntakeEvents

    async def __call__(self, events: Mapping[str, Payload]) -> None:
        """Raises PermanentError for an event that intake did not publish so, and TransientError while it is away."""
        doubted = {id: data for id, data in events.items() if isinstance(data, VERIFIED)}
        known = await self.intake.published(doubted.keys()) if doubted else {}
        for id, data in doubted.items():
            if known.get(id) != data:
                raise PermanentError(f"{data.TYPE}: intake has published no such event {id[:64]}")
