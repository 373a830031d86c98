"""What a person does to a referral. No routing here: a decline is an event, and the worker acts on it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.contracts.vocabulary import OfferState, Role
from services.kit.errors import Conflict
from services.referral.domain.acts import COURSE_DAYS, Act, act
from services.referral.domain.life import Command, transition
from services.referral.domain.referral import Change, Referral
from services.referral.ports import Clock, Loaded, Referrals, Registry

TRIES = 5


class UnknownReferral(Exception):
    """There is no such referral, or not for this caller."""


class VersionMoved(Exception):
    """The caller saw an older version."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts. `org` is the center or the polyclinic."""

    actor: str
    roles: frozenset[str]
    org: str | None

    def over(self, center_id: str | None, polyclinic_id: str) -> frozenset[str]:
        """The roles that count for a referral: a center's while it has the child, a polyclinic's for its own."""
        theirs = {Role.CENTER.value: center_id, Role.POLYCLINIC.value: polyclinic_id}
        return frozenset(one for one in self.roles if one not in theirs or (self.org and theirs[one] == self.org))

    def knows(self, loaded: Loaded) -> bool:
        """A center knows what was ever offered to it, a polyclinic its own, an operator all."""
        roles = self.over(None, loaded.referral.polyclinic_id)
        asked = Role.CENTER in self.roles and any(one.center_id == self.org for one in loaded.offers)
        return asked or not roles.isdisjoint({Role.POLYCLINIC, Role.OPERATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Details:
    """What may go with a command: a coded reason (or outcome), a note, the agreed day with an acceptance."""

    reason: str | None = None
    note: str | None = None
    admit_on: date | None = None


NO_DETAILS = Details()


@dataclass(frozen=True)
class ActOnReferral:
    """Runs one command; two that meet on one referral are settled by its version, the loser sees the new state."""

    referrals: Referrals
    registry: Registry
    clock: Clock

    async def __call__(
        self,
        referral_id: UUID,
        command: Command,
        caller: Caller,
        details: Details = NO_DETAILS,
        *,
        version: int | None = None,
    ) -> Referral:
        """The referral afterwards; raises UnknownReferral, VersionMoved, IllegalTransition."""
        for _ in range(TRIES):
            loaded = await self.referrals.load(referral_id)
            if loaded is None or not caller.knows(loaded):
                raise UnknownReferral
            if version is not None and loaded.referral.version != version:
                raise VersionMoved
            change = await self._change(loaded, command, caller, details)
            if change is None:
                return loaded.referral
            try:
                await self.referrals.save([change])
                return change.referral
            except Conflict:
                continue
        raise Conflict("this referral changes too often just now")

    async def _change(self, loaded: Loaded, command: Command, caller: Caller, details: Details) -> Change | None:
        """What the command makes true; nothing when the offer has been seen before."""
        one = loaded.referral
        roles = caller.over(one.center_id, one.polyclinic_id)
        transition(one.state, command, roles)
        if command is Command.SEEN and loaded.offer and loaded.offer.state is OfferState.SEEN:
            return None
        done = Act(
            command, self.clock(), caller.actor, roles, details.reason, details.note, details.admit_on,
            await self._course(one) if command is Command.ADMIT else COURSE_DAYS,
        )  # fmt: skip
        return act(one, loaded.offers, done)

    async def _course(self, one: Referral) -> int:
        """Days that the course takes."""
        programme = (await self.registry.network()).programmes.get(one.programme_id or "")
        return programme.course_days if programme else COURSE_DAYS
