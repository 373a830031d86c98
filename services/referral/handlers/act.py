"""A person's act on a referral. No routing here: a decline is an event, to which the worker reacts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.contracts.authority import OPERATORS, Holder, acting_role, actor
from services.contracts.vocabulary import OfferState, ReferralState, Role
from services.kit.errors import Conflict
from services.kit.versions import ANYTHING, Expected
from services.referral.domain.acts import COURSE_DAYS, Act, act
from services.referral.domain.life import AT_A_CENTER, Command, IllegalTransition, OfferEnded, allowed_actions, who_may
from services.referral.domain.referral import Change, Referral, ReferralWithOffers
from services.referral.ports import Clock, Referrals, Registry

TRIES = 5


class UnknownReferral(Exception):
    """There is no such referral, or not for this caller."""


@dataclass(frozen=True, slots=True)
class Details:
    """What may go with a command: a coded reason (or outcome), a note by its id, the agreed day with an acceptance."""

    reason: str | None = None
    note_id: UUID | None = None
    admit_on: date | None = None


NO_DETAILS = Details()


def role_over(caller: Holder, who: Collection[str], center_id: str | None, polyclinic_id: str) -> Role | None:
    """The role of `who` by which the caller acts on a referral that this center has and this polyclinic submitted."""
    return acting_role(caller, who, center_id=center_id, polyclinic_id=polyclinic_id)


def actions_of(caller: Holder, state: ReferralState, center_id: str | None, polyclinic_id: str) -> tuple[Command, ...]:
    """The commands that the caller may give to a referral that is in this state, there, and theirs."""
    return allowed_actions(state, lambda who: role_over(caller, who, center_id, polyclinic_id))


def _knows(caller: Holder, one: ReferralWithOffers) -> bool:
    """A center knows what was ever offered to it, a polyclinic its own, an operator all."""
    if any(role_over(caller, (Role.CENTER,), offer.center_id, "") for offer in one.offers):
        return True
    return role_over(caller, (Role.POLYCLINIC, *OPERATORS), None, one.referral.polyclinic_id) is not None


def _has_ended(caller: Holder, one: Referral) -> bool:
    """Whether it is only an offer of the past that the caller knows the referral by."""
    if role_over(caller, (Role.POLYCLINIC, *OPERATORS), None, one.polyclinic_id):
        return False
    return one.state not in AT_A_CENTER or role_over(caller, (Role.CENTER,), one.center_id, "") is None


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
        caller: Holder,
        details: Details = NO_DETAILS,
        *,
        expected: Expected = ANYTHING,
    ) -> None:
        """Raises UnknownReferral, VersionMoved, IllegalTransition."""
        for _ in range(TRIES):
            loaded = await self.referrals.load(referral_id)
            if loaded is None or not _knows(caller, loaded):
                raise UnknownReferral
            if _has_ended(caller, loaded.referral):
                raise OfferEnded(command)
            expected.check(loaded.referral.version)
            change = await self._change(loaded, command, caller, details)
            if change is None:
                return
            try:
                return await self.referrals.save([change])
            except Conflict:
                continue
        raise Conflict("this referral changes too often just now")

    async def _change(
        self, loaded: ReferralWithOffers, command: Command, caller: Holder, details: Details
    ) -> Change | None:
        """The effects of the command; None when the offer has been seen before."""
        one = loaded.referral
        role = role_over(caller, who_may(one.state, command), one.center_id, one.polyclinic_id)
        if role is None:
            raise IllegalTransition(one.state, command, actions_of(caller, one.state, one.center_id, one.polyclinic_id))
        if command is Command.SEEN and loaded.offer and loaded.offer.state is OfferState.SEEN:
            return None
        done = Act(
            command, self.clock(), actor(caller, role), role, details.reason, details.note_id,
            details.admit_on, await self._course_days(one) if command is Command.ADMIT else COURSE_DAYS,
        )  # fmt: skip
        return act(one, loaded.offers, done)

    async def _course_days(self, one: Referral) -> int:
        programme = (await self.registry.network()).programmes.get(one.programme_id or "")
        return programme.course_days if programme else COURSE_DAYS
