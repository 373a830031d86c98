"""Joining children in SQL: one transaction, with the events."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.authority import Holder
from services.contracts.topics import DIAGNOSES
from services.contracts.vocabulary import CLOSED, ReferralState, Role
from services.intake.adapters.closing import close
from services.intake.adapters.moments import to_ms
from services.intake.adapters.sql_corrections import keep_former
from services.intake.adapters.sql_diagnoses import SELECTED, child_of, ids_of, record_of
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.tables import children, diagnoses, outbox
from services.intake.domain.keys import Active, Purpose
from services.intake.handlers.drafts import Draft, correction_id, write_submission
from services.intake.handlers.join import Joined, Known, Plan
from services.kit.errors import TransientError
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.database import Database, without_effect


class SqlChildren:
    """Children on the tables of intake; the vault of `keys` opens and seals their submissions."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def ids(self, child_ids: Collection[UUID]) -> list[UUID]:
        query = select(diagnoses.c.referral_id).where(or_(*(diagnoses.c.child_id == _child(one) for one in child_ids)))
        return await self._database.read(lambda session: list(session.execute(query).scalars()))

    async def join(
        self,
        holder: Holder,
        role: Role,
        child_id: UUID,
        other_id: UUID,
        plan: Callable[[UUID, UUID, Sequence[Known]], Plan],
        states: Mapping[UUID, ReferralState],
        at: datetime,
    ) -> Joined | None:
        def work(session: Session) -> Joined | None:
            active = self._keys.require(session)
            into, other = (session.execute(child_of(id)).scalar() for id in (child_id, other_id))
            if into is None or other is None:
                without_effect(session)
                return None
            both = select(children.c.joined_into).where(children.c.child_id.in_([into, other]))
            if any(session.execute(both.order_by(children.c.child_id).with_for_update()).scalars()):
                raise TransientError("database: another request joined one of these children")
            theirs = diagnoses.c.child_id.in_([into, other])
            self._keys.add_missing(session, into, other)
            rows = session.execute(SELECTED.where(theirs).with_for_update(of=diagnoses)).all()
            own = [row for row in rows if row.polyclinic_id == holder.org]
            if role is Role.POLYCLINIC and {row.child_id for row in own} < {into, other}:
                hidden = [row for row in rows if row.polyclinic_id != holder.org]
                without_effect(session, **(ids_of(hidden[0]) if hidden else {}))
                return None
            if into == other:
                return Joined(into, other_id if other_id != into else child_id)
            close(session, frozenset(id for id, state in states.items() if state in CLOSED))
            planned = plan(into, other, [self._known(row, states) for row in rows])
            self._write(session, planned, rows, active, at)
            return planned.joined

        await self._keys.ready()
        try:
            return await self._database.write(work)
        except IntegrityError as error:
            raise TransientError("database: another request wrote one of these children") from error

    def _known(self, row: Any, states: Mapping[UUID, ReferralState]) -> Known:
        state = states.get(row.referral_id, ReferralState.SUBMITTED)
        return Known(record_of(self._keys.vault, row), state, row.ended_by_join)

    def _write(self, session: Session, plan: Plan, rows: Sequence[Any], active: Active, at: datetime) -> None:
        joined, by_referral = plan.joined, {row.referral_id: row for row in rows}
        theirs = children.c.child_id.in_([joined.child_id, joined.joined_child_id])
        session.execute(update(children).where(theirs).values(iin_index=None, version=children.c.version + 1))
        both = diagnoses.c.referral_id.in_([joined.referral_id, joined.ended_referral_id])
        session.execute(update(diagnoses).where(both).values(open_iin=None))
        ended = diagnoses.c.referral_id == joined.ended_referral_id
        session.execute(update(diagnoses).where(ended).values(ended_by_join=True))
        for referral_id, draft in plan.drafts.items():
            row = by_referral[referral_id]
            session.execute(
                update(diagnoses).where(diagnoses.c.referral_id == referral_id).values(_moved(draft, row, at))
            )
            key = self._keys.vault.key_of(row.child_id, row.key_version, row.wrapped)
            after = key.seal(Purpose.SUBMISSION, referral_id, write_submission(draft.submission))
            keep_former(session, row, after, at)
        stays = children.c.child_id == joined.child_id
        index = plan.iin_indexes.get(active.index)
        session.execute(update(children).where(stays).values(iin_index=index, index_version=active.index))
        gone = (children.c.child_id == joined.joined_child_id) | (children.c.joined_into == joined.joined_child_id)
        session.execute(update(children).where(gone).values(joined_into=joined.child_id))
        kept = diagnoses.c.referral_id == joined.referral_id
        session.execute(update(diagnoses).where(kept).values(open_iin=index))
        outbox.add(session, _messages(plan, by_referral))


def _child(id: UUID) -> ScalarSelect[UUID]:
    return child_of(id).scalar_subquery()


def _moved(draft: Draft, row: Any, at: datetime) -> dict[str, Any]:
    return {
        "child_id": draft.child_id, "sealed": draft.sealed, "version": row.version + 1, "changed_at": to_ms(at),
    }  # fmt: skip


def _messages(plan: Plan, by_referral: dict[UUID, Any]) -> list[OutgoingEvent]:
    corrections = [
        OutgoingEvent(DIAGNOSES, str(id), draft.event, correction_id(draft, by_referral[id].version + 1))
        for id, draft in plan.drafts.items()
    ]
    return [*corrections, *plan.events]
