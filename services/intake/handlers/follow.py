"""Following the referrals' life: who may read a child, and when the child may be referred again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.contracts.events import MalformedEvent, OfferDeclinedV1, ReferralEvent, read_event
from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.errors import PermanentError

MAY_READ = frozenset({ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED})
"""While a referral is in one of these, the center named with it holds an open offer."""
ENDS_OFFER = (OfferDeclinedV1,)
"""After these the named center holds it no more, whatever the referral's state."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a referral, as far as intake is concerned."""

    event_id: str
    referral_id: UUID
    version: int
    state: ReferralState
    center_id: str | None

    @property
    def closed(self) -> bool:
        return self.state in CLOSED


class AccessRules(Protocol):
    """Who may read which referral's child."""

    async def follow(self, steps: Sequence[Step]) -> None:
        """Apply each step once, an older version never over a newer one; durable when it returns."""
        ...


def read_step(raw: bytes | None) -> Step | None:
    """The step in a message of the referrals' topic, or None for other events; raises PermanentError."""
    try:
        event = read_event(raw)
    except MalformedEvent as error:
        raise PermanentError(str(error)) from error
    if event is None or not isinstance(event.data, ReferralEvent):
        return None
    data = event.data
    holds = data.state in MAY_READ and not isinstance(data, ENDS_OFFER)
    return Step(event.envelope.id, data.referral_id, data.version, data.state, data.center_id if holds else None)


async def follow(rules: AccessRules, messages: Sequence[bytes | None]) -> None:
    """Take a batch of messages in one transaction."""
    steps = [step for raw in messages if (step := read_step(raw))]
    if steps:
        await rules.follow(steps)
