"""The consent to a child's referrals is withdrawn: they end, no center reads the child, statistics stay."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from services.contracts.authority import Holder, actor
from services.contracts.events import ConsentWithdrawnV1, write_event
from services.contracts.topics import DIAGNOSES
from services.contracts.vocabulary import Role
from services.intake.handlers.drafts import SOURCE
from services.kit import tracing
from services.kit.outgoing_event import OutgoingEvent


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The child, and its referrals without consent."""

    child_id: UUID
    referral_ids: tuple[UUID, ...]
    withdrawn_at: datetime


class Consents(Protocol):
    """The consents to the recorded submissions."""

    async def withdraw(
        self, holder: Holder, role: Role, child_id: UUID, event: Callable[[UUID, UUID], OutgoingEvent], at: datetime
    ) -> Withdrawn | None:
        """Withdraw them all, durable with the `event` of each; repeating it changes nothing.

        None when there is no such child, or `holder`, as a polyclinic, has no referral of it.
        """
        ...


@dataclass(frozen=True, slots=True)
class WithdrawingConsent:
    """Withdrawals, written down by a polyclinic that has a referral of the child, or by an operator."""

    consents: Consents
    now: Callable[[], datetime]

    async def withdraw(self, holder: Holder, role: Role, child_id: UUID) -> Withdrawn | None:
        at, by = self.now(), actor(holder, role)

        def event(referral_id: UUID, child_id: UUID) -> OutgoingEvent:
            data = ConsentWithdrawnV1(referral_id=referral_id, child_id=child_id, withdrawn_at=at, actor=by)
            event_id = str(uuid5(referral_id, "consent withdrawn"))
            payload = write_event(data, event_id=event_id, source=SOURCE, time=at, traceparent=tracing.current())
            return OutgoingEvent(DIAGNOSES, str(referral_id), payload, event_id)

        return await self.consents.withdraw(holder, role, child_id, event, at)
