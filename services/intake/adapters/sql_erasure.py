"""Erasure in SQL: the child's key, index and digests go, in one transaction, and then the pages on which they lay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, select, update
from sqlmodel import Session

from services.contracts.authority import Holder
from services.contracts.vocabulary import Role
from services.intake.adapters.moments import from_ms, to_ms
from services.intake.adapters.sql_diagnoses import child_of, ids_of
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.tables import answered, child_keys, children, corrected_data, diagnoses, notes
from services.intake.handlers.erase import Erased, HeldByOthers, StillOpen
from services.kit.errors import TransientError
from services.kit.sql.database import Database, without_effect

log = structlog.get_logger()


class SqlErasures:
    """Erasures on the tables of intake."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def ids(self, child_id: UUID) -> list[UUID]:
        query = select(diagnoses.c.referral_id).where(diagnoses.c.child_id == child_of(child_id).scalar_subquery())
        return await self._database.read(lambda session: list(session.execute(query).scalars()))

    async def erase(
        self, holder: Holder, role: Role, child_id: UUID, closed: frozenset[UUID], at: datetime
    ) -> Erased | None:
        await self._keys.ready()
        erased = await self._database.write(
            lambda session: self.within(session, holder.org, role, child_id, closed, at)
        )
        if erased is not None:
            await self.scrub()
        return erased

    def lock(self, session: Session, child_id: UUID) -> tuple[UUID | None, Sequence[Any]]:
        """The child's own id, and the rows of it and of those joined into it, locked."""
        self._keys.require(session)
        root = session.execute(child_of(child_id)).scalar()
        family = select(children).where((children.c.child_id == root) | (children.c.joined_into == root))
        return root, session.execute(family.order_by(children.c.child_id).with_for_update()).all()

    def within(
        self, session: Session, org: str, role: Role, child_id: UUID, closed: frozenset[UUID], at: datetime
    ) -> Erased | None:
        """As `erase`, in the caller's transaction; to be followed by `scrub`."""
        root, people = self.lock(session, child_id)
        theirs = diagnoses.c.child_id.in_([one.child_id for one in people])
        rows = session.execute(select(diagnoses).where(theirs).with_for_update()).all()
        polyclinics = {row.polyclinic_id for row in rows}
        if root is None:
            without_effect(session)
            return None
        if role is Role.POLYCLINIC and org not in polyclinics:
            without_effect(session, **(ids_of(rows[0]) if rows else {}))
            return None
        if role is Role.POLYCLINIC and len(polyclinics) > 1:
            raise HeldByOthers
        before = {one.erased_at for one in people if one.child_id == root}
        if erased_at := next(filter(None, before), None):
            return Erased(root, from_ms(erased_at), len(rows))
        if still_open := [row.referral_id for row in rows if row.referral_id not in closed]:
            raise StillOpen(still_open[0])
        _forget(session, [one.child_id for one in people], [row.referral_id for row in rows], to_ms(at))
        return Erased(root, at, len(rows))

    async def scrub(self) -> None:
        """Leave no freed copy of the key in the database's files; repeating the erasure tries again."""
        try:
            await self._database.scrub(child_keys.name)
        except TransientError as error:
            log.warning("erasure.not_scrubbed", reason=str(error))


def _forget(session: Session, child_ids: list[UUID], referral_ids: list[UUID], at: int) -> None:
    """What is sealed by the children's keys is deleted too; it could not be opened if it were not."""
    session.execute(delete(child_keys).where(child_keys.c.child_id.in_(child_ids)))
    session.execute(delete(corrected_data).where(corrected_data.c.child_id.in_(child_ids)))
    session.execute(delete(notes).where(notes.c.child_id.in_(child_ids)))
    session.execute(delete(answered).where(answered.c.referral_id.in_(referral_ids)))
    nothing = {"sealed": b"", "open_iin": None, "open_likeness": None}
    session.execute(update(diagnoses).where(diagnoses.c.referral_id.in_(referral_ids)).values(nothing))
    mine = children.c.child_id.in_(child_ids)
    session.execute(update(children).where(mine).values(iin_index=None, erased_at=at, version=children.c.version + 1))
