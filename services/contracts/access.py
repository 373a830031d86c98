"""Who has a referral now: intake asks the referral service before it shows a child, over HTTP and never by events."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from services.contracts.vocabulary import CLOSED, FARTHEST, ReferralState

MOST = 1000
"""Referrals of one question."""
MAY_READ = frozenset(FARTHEST)
"""The states in which a referral's center has an open offer."""


class AccessQuestion(BaseModel, extra="forbid"):
    """The body of `POST /v1/access`."""

    referral_ids: Annotated[tuple[UUID, ...], Field(max_length=MOST)]


class ReferralAccess(BaseModel, frozen=True):
    """A referral as it is now. `center_id` is the center with an open offer: it alone, of all centers, may read."""

    referral_id: UUID
    version: int
    state: ReferralState
    center_id: str | None = None
    last_act_at: AwareDatetime | None = None
    """When its last step was."""

    @property
    def closed(self) -> bool:
        return self.state in CLOSED


class AccessAnswer(BaseModel):
    """The referrals that are in the record; one that is missing is not routed yet: it is open, and no center has it."""

    referrals: tuple[ReferralAccess, ...]
