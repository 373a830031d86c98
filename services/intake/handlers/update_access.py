"""Access rules from the referrals' events: the center that may read a child, and whether a referral is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.contracts.events import MalformedEvent, OfferDeclinedV1, ReferralEvent, read_event
from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.errors import PermanentError

MAY_READ = frozenset({ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED})
"""The states in which the referral's center has an open offer."""


@dataclass(frozen=True, slots=True)
class AccessChange:
    """The part of a referral's event that intake stores; `center_id` is the center with an open offer."""

    event_id: str
    referral_id: UUID
    version: int
    state: ReferralState
    center_id: str | None

    @property
    def closed(self) -> bool:
        return self.state in CLOSED


class AccessRules(Protocol):
    """The stored access rules."""

    async def follow(self, changes: Sequence[AccessChange]) -> None:
        """Apply each change once, an older version never over a newer one; durable when it returns."""
        ...


def read_change(raw: bytes | None) -> AccessChange | None:
    """The change in a message of the referrals' topic, or None for other events; raises PermanentError."""
    try:
        event = read_event(raw)
    except MalformedEvent as error:
        raise PermanentError(str(error)) from error
    if event is None or not isinstance(event.data, ReferralEvent):
        return None
    data = event.data
    # a decline names the center whose offer it ends, whatever the referral's state is
    has_offer = data.state in MAY_READ and not isinstance(data, OfferDeclinedV1)
    center_id = data.center_id if has_offer else None
    return AccessChange(event.envelope.id, data.referral_id, data.version, data.state, center_id)


async def follow(rules: AccessRules, messages: Sequence[bytes | None]) -> None:
    """Process a batch of messages in one transaction."""
    changes = [change for raw in messages if (change := read_change(raw))]
    if changes:
        await rules.follow(changes)
