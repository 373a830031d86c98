"""A center's answers: seen, accept, decline. No routing here: a decline is an event, and the worker acts on it."""

from dataclasses import dataclass
from uuid import UUID

from services.kit.errors import Conflict
from services.referral.domain.life import Command, allowed_actions
from services.referral.domain.referral import Referral, answer
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
            change = answer(
                loaded.referral, loaded.offers[-1], command, self.clock(),
                actor=caller.actor, roles=_roles(loaded, caller), reason=reason, note=note,
            )  # fmt: skip
            try:
                await self.referrals.save([change])
                return change.referral
            except Conflict:
                continue
        raise Conflict("this referral changes too often just now")

    async def _load(self, referral_id: UUID, caller: Caller) -> Loaded:
        loaded = await self.referrals.load(referral_id)
        if loaded is None or not loaded.offers:
            raise UnknownReferral
        if caller.center_id is not None and all(one.center_id != caller.center_id for one in loaded.offers):
            raise UnknownReferral
        return loaded


def _roles(loaded: Loaded, caller: Caller) -> frozenset[str]:
    """A center whose offer is over may do nothing any more."""
    theirs = caller.center_id is None or loaded.referral.center_id == caller.center_id
    return caller.roles if theirs else frozenset()


def actions(referral: Referral, caller: Caller) -> tuple[Command, ...]:
    """What `caller` may do now."""
    theirs = caller.center_id is None or referral.center_id == caller.center_id
    return allowed_actions(referral.state, caller.roles) if theirs else ()
