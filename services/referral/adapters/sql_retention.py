"""Retention in the record: persons are left out of old histories and figures; the rest says nothing of anyone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlmodel import Session

from services.contracts.authority import without_person
from services.kit.retention import Kept, Step
from services.kit.sql.database import Database, without_effect
from services.kit.sql.sweeps import Swept
from services.referral.adapters.tables import FigureRow, HistoryRow, ReferralRow, sweeps, table
from services.referral.ports import Clock

BATCH = 500
"""Rows of one step."""
_MORE = UUID(int=0)
"""Where the next step goes on: at the beginning, where the swept are no longer."""
PERSONS, NOTES = "persons", "notes in the clear"
_history, _figures, _referrals = (table(one) for one in (HistoryRow, FigureRow, ReferralRow))


class SqlRetention:
    """`keep`: None is for ever. Notes are those of an earlier release, which nobody has moved to intake."""

    def __init__(self, database: Database, keep: timedelta | None, clock: Clock) -> None:
        self._database, self._keep, self._clock = database, keep, clock

    async def status(self) -> Sequence[Kept]:
        before = self._clock() - self._keep if self._keep else None

        def work(session: Session) -> Sequence[Kept]:
            swept, due = sweeps.read(session), dict.fromkeys((PERSONS, NOTES), 0)
            if before:
                due = {name: sum(_count(session, one) for one in rows) for name, rows in _old(before).items()}
            return [Kept(name, self._keep, due[name], *swept.get(name, Swept())) for name in (PERSONS, NOTES)]

        return await self._database.read(work)

    async def sweep(self, after: UUID | None) -> Step:
        """A batch; `after` only says that there was one before."""
        if not self._keep:
            return Step({PERSONS: 0, NOTES: 0})
        before = self._clock() - self._keep
        old = _old(before)
        if not await self._database.read(lambda session: any(_is_due(session, one) for one in chain(*old.values()))):
            return Step(dict.fromkeys(old, 0))

        def work(session: Session) -> Mapping[str, int]:
            without_effect(session)
            swept = {name: sum(_sweep(session, one) for one in rows) for name, rows in old.items()}
            for name, number in swept.items():
                sweeps.add(session, name, number)
            return swept

        swept = await self._database.write(work)
        return Step(swept, _MORE if any(number >= BATCH for number in swept.values()) else None)


def _old(before: datetime) -> dict[str, list[tuple[Any, Any]]]:
    """By kind: each column with what is to go, and the condition of its rows."""
    columns = (
        (_history.c.actor, _history.c.at), (_figures.c.confirmed_by, _figures.c.confirmed_at),
        (_referrals.c.submitted_by, _referrals.c.submitted_at),
    )  # fmt: skip
    persons = [(column, (at < before) & _names_person(column)) for column, at in columns]
    return {PERSONS: persons, NOTES: [(_history.c.note, (_history.c.at < before) & _history.c.note.is_not(None))]}


def _names_person(column: Any) -> Any:
    return or_(column.like("%:%/%"), column.like("operator:%"), column.like("admin:%"))


def _count(session: Session, old: tuple[Any, Any]) -> int:
    return int(session.execute(select(func.count()).where(old[1])).scalar_one())


def _is_due(session: Session, old: tuple[Any, Any]) -> bool:
    """Looked up in a snapshot first: it takes a look at every row, and nobody is to wait for that."""
    return session.execute(select(old[0]).where(old[1]).limit(1)).first() is not None


def _sweep(session: Session, old: tuple[Any, Any]) -> int:
    column, condition = old
    keys = list(column.table.primary_key)
    rows = session.execute(select(column, *keys).where(condition).limit(BATCH).with_for_update()).all()
    for value, *key in rows:
        one = update(column.table).where(*(part == of for part, of in zip(keys, key, strict=True)))
        session.execute(one.values({column: None if column is _history.c.note else without_person(value)}))
    return len(rows)
