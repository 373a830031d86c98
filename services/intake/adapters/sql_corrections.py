"""Corrections in SQL: new data, what they replaced, and the events, in one transaction."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.authority import Holder
from services.contracts.topics import DIAGNOSES
from services.intake.adapters.closing import close
from services.intake.adapters.moments import to_ms
from services.intake.adapters.sql_diagnoses import SELECTED, child_of, ids_of, record_of
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.tables import children, corrected_data, diagnoses, outbox
from services.intake.domain.keys import Active
from services.intake.handlers.correct import Correction, IinTaken, SharedChild
from services.intake.handlers.drafts import Draft, correction_id
from services.intake.handlers.read import DiagnosisRecord
from services.kit.audit import TRAIL
from services.kit.errors import TransientError
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.database import Database, without_effect
from services.kit.versions import Expected

Drafter = Callable[[DiagnosisRecord], Draft | None]


class SqlCorrections:
    """Corrections on the tables of intake; the vault of `keys` opens the sealed submissions."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def ids(self, kind: Correction, key: UUID) -> list[UUID]:
        query = select(diagnoses.c.referral_id).where(_has_key(kind, key))
        return await self._database.read(lambda session: list(session.execute(query).scalars()))

    async def correct(
        self,
        editor: Holder,
        kind: Correction,
        key: UUID,
        expected: Expected,
        draft: Drafter,
        closed: frozenset[UUID],
        at: datetime,
    ) -> list[DiagnosisRecord]:
        def work(session: Session) -> Any:
            active = self._keys.require(session)
            of_referral = select(diagnoses.c.child_id).where(diagnoses.c.referral_id == key)
            child_id = session.execute(child_of(key) if kind is Correction.CHILD else of_referral).scalar()
            theirs = SELECTED.where(_has_key(kind, key)).order_by(diagnoses.c.submitted_at.desc())
            query = theirs.where(diagnoses.c.polyclinic_id == editor.org)
            # The child first, as every writer of several rows does: corrections and joins wait for each other.
            locked = select(children.c.joined_into).where(children.c.child_id == child_id).with_for_update()
            if session.execute(locked).scalar() is not None:
                raise TransientError("database: another request joined this child")
            self._keys.add_missing(session, child_id)
            if not (rows := session.execute(query.with_for_update(of=diagnoses)).all()):
                hidden = session.execute(theirs.limit(1)).first()
                without_effect(session, **(ids_of(hidden) if hidden else {}))
                return rows
            expected.check(rows[0].child_version if kind is Correction.CHILD else rows[0].version)
            close(session, closed)
            drafts = [draft(record_of(self._keys.vault, row)) for row in rows]
            for row, one in zip(rows, drafts, strict=True):
                if one:
                    _replace(session, row, one, closed, at, active)
            if kind is Correction.CHILD and (corrected := next(filter(None, drafts), None)):
                _correct_child(session, editor, rows[0].child_id, corrected, closed, active)
            return session.execute(query).all()

        await self._keys.ready()
        try:
            rows = await self._database.write(work)
        except IntegrityError as error:
            raise TransientError("database: another request wrote this child") from error
        except (IinTaken, SharedChild) as error:
            if (trail := TRAIL.get()) and not (isinstance(error, IinTaken) and error.own):
                await self._database.enter(trail.entry("another_child", {"child_id": str(error.child_id)}))
            raise
        return [record_of(self._keys.vault, row) for row in rows]


def _has_key(kind: Correction, key: UUID) -> ColumnElement[bool]:
    if kind is Correction.CHILD:
        return diagnoses.c.child_id == child_of(key).scalar_subquery()
    return diagnoses.c.referral_id == key


def _replace(session: Session, row: Any, draft: Draft, closed: frozenset[UUID], at: datetime, active: Active) -> None:
    version = row.version + 1
    values = {
        "sealed": draft.sealed, "priority": draft.priority.value, "version": version, "changed_at": to_ms(at),
    }  # fmt: skip
    session.execute(update(diagnoses).where(diagnoses.c.referral_id == row.referral_id).values(values))
    if row.referral_id not in closed:
        likeness = draft.likenesses[active.pseudonym]
        alike = update(diagnoses).where(diagnoses.c.referral_id == row.referral_id)
        session.execute(alike.values(open_likeness=likeness, likeness_version=active.pseudonym))
    keep_former(session, row, draft.sealed, at)
    key, event_id = str(row.referral_id), correction_id(draft, version)
    outbox.add(session, [OutgoingEvent(DIAGNOSES, key, draft.event, event_id)])


def keep_former(session: Session, row: Any, after: bytes, at: datetime) -> None:
    """Keep the data of a diagnosis before and after a correction, sealed by the key of the child in its row."""
    session.execute(
        insert(corrected_data).values(
            corrected_at=to_ms(at), child_id=row.child_id, referral_id=row.referral_id,
            sealed_before=row.sealed, sealed_after=after,
        )
    )  # fmt: skip


def _correct_child(
    session: Session, editor: Holder, child_id: UUID, draft: Draft, closed: frozenset[UUID], active: Active
) -> None:
    """A version more; and the child's IIN, which may be new.

    A draft without one leaves it: it may be known by the referral of another polyclinic.
    """
    known = session.execute(select(children.c.iin_index).where(children.c.child_id == child_id)).scalar_one()
    values: dict[str, Any] = {"version": children.c.version + 1}
    if draft.iin_indexes and known not in (indexes := draft.iin_indexes.values()):
        _may_be_known_by(session, editor, child_id, known, indexes)
        index = draft.iin_indexes[active.index]
        values |= {"iin_index": index, "index_version": active.index}
        theirs = (diagnoses.c.child_id == child_id) & ~diagnoses.c.ended_by_join
        still_open = update(diagnoses).where(theirs, diagnoses.c.referral_id.not_in(closed))
        session.execute(still_open.values(open_iin=index))
    session.execute(update(children).where(children.c.child_id == child_id).values(values))


def _may_be_known_by(
    session: Session, editor: Holder, child_id: UUID, known: bytes | None, wanted: Collection[bytes]
) -> None:
    """Raises IinTaken, SharedChild."""
    other = session.execute(select(children.c.child_id).where(children.c.iin_index.in_(wanted))).scalar()
    if other is not None:
        own = (diagnoses.c.child_id == other) & (diagnoses.c.polyclinic_id == editor.org)
        visible = session.execute(select(diagnoses.c.referral_id).where(own)).first()
        raise IinTaken(other, own=visible is not None)
    elsewhere = (diagnoses.c.child_id == child_id) & (diagnoses.c.polyclinic_id != editor.org)
    if known is not None and session.execute(select(diagnoses.c.referral_id).where(elsewhere)).first():
        raise SharedChild(child_id)
