"""Retention in SQL: which children are long untouched, and their erasure."""

import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select, update
from sqlmodel import Session

from services.contracts.authority import without_person
from services.contracts.vocabulary import Role
from services.intake.adapters.moments import to_ms
from services.intake.adapters.sql_answers import KEPT, KEPT_MS
from services.intake.adapters.sql_erasure import SqlErasures
from services.intake.adapters.tables import answered, children, diagnoses, notes, sweeps, transfers, withdrawals
from services.intake.handlers.erase import StillOpen
from services.intake.handlers.retain import ANSWERS, CHILDREN, PERSONS
from services.kit.audit import TRAIL, Actor, Trail
from services.kit.retention import Kept
from services.kit.sql.database import Database, without_effect
from services.kit.sql.sweeps import Swept

ACT = "erase_expired_child"


class SqlRetention:
    """What expires in the tables of intake."""

    def __init__(self, database: Database, erasures: SqlErasures) -> None:
        self._database, self._erasures = database, erasures

    async def candidates(self, before: datetime, after: UUID | None, most: int) -> Mapping[UUID, Sequence[UUID]]:
        query = select(children.c.child_id).where(_untouched(to_ms(before)))
        if after is not None:
            query = query.where(children.c.child_id > after)
        query = query.order_by(children.c.child_id).limit(most)

        def work(session: Session) -> Mapping[UUID, list[UUID]]:
            found: dict[UUID, list[UUID]] = {id: [] for id in session.execute(query).scalars()}
            theirs = select(diagnoses.c.child_id, diagnoses.c.referral_id).where(diagnoses.c.child_id.in_(found))
            for child_id, referral_id in session.execute(theirs):
                found[child_id].append(referral_id)
            return found

        return await self._database.read(work)

    async def expire(self, child_ids: Collection[UUID], over: frozenset[UUID], before: datetime, at: datetime) -> int:
        erased = 0
        for child_id in child_ids:
            erased += await self._audited(child_id, partial(self._expire, child_id, over, to_ms(before), at))
        if erased:
            await self._erasures.scrub()
        return erased

    async def _audited(self, child_id: UUID, work: Any) -> int:
        """The entry is of this child: by who asks for the sweep, or by the service itself."""
        asked = TRAIL.get()
        who = asked.who if asked else lambda: Actor(role="retention")
        before = TRAIL.set(Trail(ACT, who, {"child_id": str(child_id)}))
        try:
            return int(await self._database.write(work))
        except StillOpen:
            return 0
        finally:
            TRAIL.reset(before)

    def _expire(self, child_id: UUID, over: frozenset[UUID], before: int, at: datetime, session: Session) -> int:
        """1 when the child is erased; 0 when something has happened meanwhile."""
        self._erasures.lock(session, child_id)
        mine = select(children.c.child_id).where(children.c.child_id == child_id, _untouched(before))
        if session.execute(mine).first() is None:
            without_effect(session)
            return 0
        self._erasures.within(session, "", Role.ADMIN, child_id, over, at)
        sweeps.add(session, CHILDREN, 1)
        return 1

    async def strip(self, before: datetime, most: int) -> int:
        query = select(transfers.c.transfer_id, transfers.c.decided_by).where(_with_person(to_ms(before))).limit(most)

        def work(session: Session) -> int:
            without_effect(session)
            rows = session.execute(query).all()
            for row in rows:
                one = update(transfers).where(transfers.c.transfer_id == row.transfer_id)
                session.execute(one.values(decided_by=without_person(row.decided_by)))
            sweeps.add(session, PERSONS, len(rows))
            return len(rows)

        return await self._database.write(work)

    async def counts(self, persons_before: datetime | None) -> Mapping[str, Kept]:
        old = answered.c.answered_at < int(time.time() * 1000) - KEPT_MS

        def work(session: Session) -> Mapping[str, Kept]:
            swept = sweeps.read(session)
            count = select(func.count())
            persons = 0
            if persons_before:
                persons = session.execute(count.where(_with_person(to_ms(persons_before)))).scalar_one()
            return {
                CHILDREN: Kept(CHILDREN, None, 0, *swept.get(CHILDREN, Swept())),
                PERSONS: Kept(PERSONS, None, persons, *swept.get(PERSONS, Swept())),
                ANSWERS: Kept(
                    ANSWERS, KEPT, session.execute(count.where(old)).scalar_one(), *swept.get(ANSWERS, Swept())
                ),
            }

        return await self._database.read(work)


def _with_person(before: int) -> ColumnElement[bool]:
    by = transfers.c.decided_by
    return (transfers.c.decided_at < before) & (or_(by.like("%:%/%"), by.like("operator:%"), by.like("admin:%")))


def _untouched(before: int) -> ColumnElement[bool]:
    """Recorded, corrected, joined, transferred, noted of and without a withdrawal since."""
    theirs = diagnoses.c.child_id == children.c.child_id
    newer = or_(diagnoses.c.submitted_at >= before, diagnoses.c.changed_at >= before)
    noted = (notes.c.referral_id == diagnoses.c.referral_id) & (notes.c.written_at >= before)
    withdrawn = (withdrawals.c.referral_id == diagnoses.c.referral_id) & (withdrawals.c.withdrawn_at >= before)
    return (
        children.c.erased_at.is_(None)
        & children.c.joined_into.is_(None)
        & (children.c.created_at < before)
        & ~exists().where(theirs, newer)
        & ~exists().where(theirs, noted)
        & ~exists().where(theirs, withdrawn)
    )
