"""Notes of who acts on a referral: sealed by the child's key, read by who may read the child."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.contracts.authority import OPERATORS, Holder, acting_role
from services.contracts.vocabulary import Role
from services.intake.handlers.access import Referrals, offered

MOST = 200
"""Notes of one referral."""
WRITERS = (Role.POLYCLINIC, Role.CENTER, *OPERATORS)


class TooManyNotes(Exception):
    """The referral has MOST of them."""


@dataclass(frozen=True, slots=True)
class Note:
    """`author` is as histories name who acts."""

    note_id: UUID
    referral_id: UUID
    child_id: UUID
    author: str
    written_at: datetime
    text: str


class Notes(Protocol):
    """The recorded notes."""

    async def write(
        self, writer: Holder, referral_id: UUID, offered: Collection[UUID], note_id: UUID, text: str, at: datetime
    ) -> Note | None:
        """The sealed note, audited, durable; None when `writer` may not. Raises TooManyNotes."""
        ...

    async def find(self, reader: Holder, referral_id: UUID, offered: Collection[UUID]) -> list[Note] | None:
        """Those that `reader` may read, the oldest first; None when it may read nothing of the referral.

        A polyclinic reads all of its referral. A center with an open offer reads those of its own, of the polyclinic
        and of operators, none of another center; without one, its own. After a withdrawn consent no center reads any.
        """
        ...


@dataclass(frozen=True, slots=True)
class Noting:
    """Notes by the polyclinic whose referral it is, the center that has it now, or an operator, who reads none.

    Raises TransientError while the referral service does not say who has the child.
    """

    notes: Notes
    referrals: Referrals
    new_id: Callable[[], UUID]
    now: Callable[[], datetime]

    async def write(self, writer: Holder, referral_id: UUID, text: str) -> Note | None:
        known = await self.referrals.ask([referral_id])
        return await self.notes.write(writer, referral_id, offered(known, writer), self.new_id(), text, self.now())

    async def read(self, reader: Holder, referral_id: UUID) -> list[Note] | None:
        known = await self.referrals.ask([referral_id])
        return await self.notes.find(reader, referral_id, offered(known, reader))


def writing_role(writer: Holder, polyclinic_id: str, *, has_it: bool) -> Role | None:
    """The role by which `writer` may write; `has_it`: its center has an open offer, and the consent stands."""
    return acting_role(writer, WRITERS, center_id=writer.org if has_it else None, polyclinic_id=polyclinic_id)
