"""The role by which the holder of a token acts, and the referrals that a holder sees. Nothing else decides it.

Which roles may do what to a referral is a table, `services/referral/domain/life.py`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
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


def actor(holder: Holder, role: Role) -> str:
    """How histories name the holder: role and organization, or a pseudonym of the subject, which may be an IIN."""
    name = holder.org if role in _ORGANIZATIONS else sha256(holder.subject.encode()).hexdigest()[:12]
    return f"{role}:{name}"[:120]


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
