"""A center's answers: seen, accept, decline. No routing here: a decline is an event, and the worker acts on it."""

from dataclasses import dataclass
from uuid import UUID

from services.contracts.vocabulary import OfferState
from services.kit.errors import Conflict
from services.referral.domain.life import Command, transition
from services.referral.domain.referral import Change, Referral, answer
from services.referral.ports import Clock, Loaded, Referrals

TRIES = 5


class UnknownReferral(Exception):
    """There is no such referral, or not for this caller."""


class VersionMoved(Exception):
    """The caller saw an older version."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who answers. `center_id` is None for those who may act for any center."""

    actor: str
    roles: frozenset[str]
    center_id: str | None


@dataclass(frozen=True)
class AnswerOffer:
    """Runs one command; two that meet on one referral are settled by its version, the loser sees the new state."""

    referrals: Referrals
    clock: Clock

    async def __call__(
        self,
        referral_id: UUID,
        command: Command,
        caller: Caller,
        *,
        reason: str | None = None,
        note: str | None = None,
        version: int | None = None,
    ) -> Referral:
        """The referral afterwards; raises UnknownReferral, VersionMoved, IllegalTransition."""
        for _ in range(TRIES):
            loaded = await self._load(referral_id, caller)
            if version is not None and loaded.referral.version != version:
                raise VersionMoved
            change = self._change(loaded, command, caller, reason, note)
            if change is None:
                return loaded.referral
            try:
                await self.referrals.save([change])
                return change.referral
            except Conflict:
                continue
        raise Conflict("this referral changes too often just now")

    def _change(
        self, loaded: Loaded, command: Command, caller: Caller, reason: str | None, note: str | None
    ) -> Change | None:
        """What the command makes true; nothing when the offer has been seen before."""
        roles = _roles(loaded, caller)
        transition(loaded.referral.state, command, roles)
        if loaded.offer is None:
            raise Conflict("the referral has no offer under its attempt")
        if command is Command.SEEN and loaded.offer.state is OfferState.SEEN:
            return None
        return answer(
            loaded.referral, loaded.offer, command, self.clock(),
            actor=caller.actor, roles=roles, reason=reason, note=note,
        )  # fmt: skip

    async def _load(self, referral_id: UUID, caller: Caller) -> Loaded:
        loaded = await self.referrals.load(referral_id)
        if loaded is None:
            raise UnknownReferral
        if caller.center_id is not None and all(one.center_id != caller.center_id for one in loaded.offers):
            raise UnknownReferral
        return loaded


def _roles(loaded: Loaded, caller: Caller) -> frozenset[str]:
    """A center whose offer is over may do nothing any more."""
    theirs = caller.center_id is None or loaded.referral.center_id == caller.center_id
    return caller.roles if theirs else frozenset()
