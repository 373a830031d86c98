"""The role by which the holder of a token acts, and the referrals that a holder sees. Nothing else decides it.

Which roles may do what to a referral is a table, `services/referral/domain/life.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from services.contracts.vocabulary import PROCESSES, Role

_PRECEDENCE = (Role.CENTER, Role.POLYCLINIC, Role.OPERATOR, Role.ADMIN, *PROCESSES)
"""The role nearest to the child goes first."""
_ORGANIZATIONS = frozenset({Role.CENTER, Role.POLYCLINIC})
OPERATORS = (Role.OPERATOR, Role.ADMIN)
"""The roles that see every referral (without personal data)."""


class Holder(Protocol):
    """The holder of a token."""

    @property
    def subject(self) -> str: ...

    @property
    def person(self) -> str:
        """The subject as logs and histories name it: a staff id or a keyed pseudonym; empty where none are kept."""
        ...

    @property
    def roles(self) -> frozenset[str]: ...

    @property
    def org(self) -> str:
        """A polyclinic's or a center's id, or empty."""
        ...


def acting_role(
    holder: Holder, allowed: Collection[str], *, center_id: str | None = None, polyclinic_id: str | None = None
) -> Role | None:
    """The role of `allowed` by which `holder` acts on what belongs to that center and polyclinic; None without one.

    A center's or a polyclinic's role counts only for its own.
    """
    owners = {Role.CENTER: center_id, Role.POLYCLINIC: polyclinic_id}
    for role in _PRECEDENCE:
        own = role not in _ORGANIZATIONS or (holder.org and owners[role] == holder.org)
        if role in holder.roles and role in allowed and own:
            return role
    return None


def likely_role(holder: Holder, allowed: Collection[str]) -> str:
    """The role by which `holder` asks for what `allowed` may, not knowing whose it is; its first one when none may."""
    own = [role for role in _PRECEDENCE if role in holder.roles]
    return next((role for role in own if role in allowed), own[0] if own else "")


def actor(holder: Holder, role: Role) -> str:
    """How histories name the holder, `role:organization/person`, or `role:person` when the role has no organization."""
    named = [holder.org[:64] if role in _ORGANIZATIONS else "", holder.person[:40]]
    return ":".join(filter(None, [role, "/".join(filter(None, named))]))


def actor_as_seen(actor: str, visibility: "Visibility") -> str:
    """An actor as a viewer sees it: the person of its own organization, of others the organization or the role only."""
    role, _, name = actor.partition(":")
    if visibility.everything or not name:
        return actor
    own = {str(Role.POLYCLINIC): visibility.polyclinic_id, str(Role.CENTER): visibility.center_id}
    if role not in own:
        return role
    org, _, person = name.rpartition("/")
    return f"{role}:{org}" if org and person and org != own[role] else actor


def without_person(actor: str) -> str:
    """An actor with the organization only, or the role where it has none."""
    role, _, name = actor.partition(":")
    return f"{role}:{name.partition('/')[0]}" if role in _ORGANIZATIONS else role


def operator(holder: Holder) -> str:
    """The actor of an operator's or admin's act."""
    return actor(holder, acting_role(holder, OPERATORS) or Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Visibility:
    """The referrals that a holder sees: all, a polyclinic's own, those offered to a center; a hospital sees both."""

    everything: bool = False
    polyclinic_id: str | None = None
    center_id: str | None = None

    @classmethod
    def of(cls, holder: Holder) -> "Visibility":
        if not holder.roles.isdisjoint(OPERATORS):
            return cls(everything=True)
        polyclinic, center = (holder.org if role in holder.roles else None for role in (Role.POLYCLINIC, Role.CENTER))
        return cls(polyclinic_id=polyclinic or None, center_id=center or None)

    def wholly(self, polyclinic_id: str) -> bool:
        """Whether all parts of a referral of that polyclinic are visible."""
        return self.everything or self.polyclinic_id == polyclinic_id
