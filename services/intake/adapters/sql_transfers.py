"""Transfers in SQL: the decision, the referral's polyclinic, the audit and the event in one transaction."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, or_, select, update
from sqlmodel import Session

from services.contracts.topics import DIAGNOSES
from services.intake.adapters.moments import from_ms, to_ms
from services.intake.adapters.sql_diagnoses import SELECTED, record_of
from services.intake.adapters.sql_keys import SqlKeys
from services.intake.adapters.tables import children, diagnoses, outbox, transfers
from services.intake.domain.keys import Digests
from services.intake.handlers.drafts import Draft, correction_id
from services.intake.handlers.read import DiagnosisRecord
from services.intake.handlers.transfer import AlreadyDecided, Transfer, TransferFilter, TransferState
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.database import Database

_ASKED = transfers.c.state == TransferState.ASKED.value


async def count_overdue(database: Database, at: datetime) -> int:
    """How many transfers are on the operators' worklist at that moment."""
    return await _count(database, TransferFilter(overdue_at=at))


async def _count(database: Database, wanted: TransferFilter) -> int:
    query = select(func.count()).select_from(transfers).where(*_conditions(wanted))
    return await database.read(lambda session: session.execute(query).scalar_one())


class SqlTransfers:
    """Transfers on the tables of intake; the vault of `keys` opens and seals the submissions."""

    def __init__(self, database: Database, keys: SqlKeys) -> None:
        self._database, self._keys = database, keys

    async def find_open(self, indexes: Digests) -> DiagnosisRecord | None:
        query = SELECTED.where(diagnoses.c.open_iin.in_(indexes.values()))

        def work(session: Session) -> Any:
            self._keys.require(session)
            return session.execute(query).first()

        await self._keys.ready()
        row = await self._database.read(work)
        return record_of(self._keys.vault, row) if row else None

    async def ask(self, transfer: Transfer) -> None:
        waiting = select(transfers.c.transfer_id).where(
            transfers.c.referral_id == transfer.referral_id, transfers.c.to_polyclinic == transfer.to, _ASKED
        )

        def work(session: Session) -> None:
            row = _locked(session, transfer)
            if row is None or row.polyclinic_id != transfer.holder:
                return
            if session.execute(waiting).first() is None:
                session.execute(insert(transfers).values(values_of(transfer)))

        await self._database.write(work)

    async def find(self, transfer_id: UUID) -> Transfer | None:
        query = select(transfers).where(transfers.c.transfer_id == transfer_id)
        row = await self._database.read(lambda session: session.execute(query).first())
        return transfer_of(row) if row else None

    async def page(self, wanted: TransferFilter, after: UUID | None, most: int) -> list[Transfer]:
        query = select(transfers).where(*_conditions(wanted)).order_by(transfers.c.transfer_id).limit(most)
        if after:
            query = query.where(transfers.c.transfer_id > after)
        rows = await self._database.read(lambda session: session.execute(query).all())
        return [transfer_of(row) for row in rows]

    async def count(self, wanted: TransferFilter) -> int:
        return await _count(self._database, wanted)

    async def decide(
        self, by: str, transfer: Transfer, state: TransferState, draft: Callable[[DiagnosisRecord], Draft], at: datetime
    ) -> Transfer:
        own = select(transfers.c.state, transfers.c.decided_by).where(transfers.c.transfer_id == transfer.transfer_id)

        def work(session: Session) -> Transfer:
            self._keys.require(session)
            row = _locked(session, transfer)
            found = session.execute(own.with_for_update()).one()
            if found.state != TransferState.ASKED.value:
                if found.state != state.value:
                    raise AlreadyDecided(TransferState(found.state))
                return transfer_of(session.execute(select(transfers).where(_is(transfer))).one())
            gone = row is None or row.polyclinic_id != transfer.holder
            decided = _decided(transfer, TransferState.OVER if gone else state, by, at)
            session.execute(update(transfers).where(_is(transfer)).values(values_of(decided)))
            if decided.state is TransferState.ACCEPTED:
                self._keys.add_missing(session, row.child_id)
                row = session.execute(SELECTED.where(diagnoses.c.referral_id == transfer.referral_id)).one()
                _give(session, transfer, row, draft(record_of(self._keys.vault, row)), at)
            return decided

        await self._keys.ready()
        return await self._database.write(work)


def _conditions(wanted: TransferFilter) -> list[Any]:
    found: list[Any] = []
    if wanted.org is not None:
        asked = transfers.c.holder == wanted.org
        found.append(asked if wanted.to_decide else or_(asked, transfers.c.to_polyclinic == wanted.org))
    if wanted.to_decide or wanted.overdue_at:
        found.append(_ASKED)
    if wanted.overdue_at:
        found.append(transfers.c.answer_by <= to_ms(wanted.overdue_at))
    return found


def _locked(session: Session, transfer: Transfer) -> Any:
    """The diagnosis, locked; the child first, as every writer of several rows does."""
    child = select(diagnoses.c.child_id).where(diagnoses.c.referral_id == transfer.referral_id).scalar_subquery()
    session.execute(select(children.c.child_id).where(children.c.child_id == child).with_for_update()).all()
    query = SELECTED.where(diagnoses.c.referral_id == transfer.referral_id)
    return session.execute(query.with_for_update(of=diagnoses)).first()


def _give(session: Session, transfer: Transfer, row: Any, draft: Draft, at: datetime) -> None:
    """The referral is the other polyclinic's, and nobody else's request for it is open any more."""
    version = row.version + 1
    values = {"polyclinic_id": transfer.to, "sealed": draft.sealed, "version": version, "changed_at": to_ms(at)}
    session.execute(update(diagnoses).where(diagnoses.c.referral_id == row.referral_id).values(values))
    session.execute(
        update(transfers)
        .where(transfers.c.referral_id == row.referral_id, _ASKED)
        .values(state=TransferState.OVER.value, decided_at=to_ms(at))
    )
    key = str(row.referral_id)
    outbox.add(session, [OutgoingEvent(DIAGNOSES, key, draft.event, correction_id(draft, version))])


def _is(transfer: Transfer) -> Any:
    return transfers.c.transfer_id == transfer.transfer_id


def _decided(transfer: Transfer, state: TransferState, by: str, at: datetime) -> Transfer:
    return replace(transfer, state=state, decided_at=at, decided_by=by)


def values_of(one: Transfer) -> dict[str, Any]:
    return {
        "transfer_id": one.transfer_id, "referral_id": one.referral_id, "child_id": one.child_id,
        "holder": one.holder, "to_polyclinic": one.to, "asked_at": to_ms(one.asked_at),
        "answer_by": to_ms(one.answer_by), "state": one.state.value,
        "decided_at": None if one.decided_at is None else to_ms(one.decided_at), "decided_by": one.decided_by,
    }  # fmt: skip


def transfer_of(row: Any) -> Transfer:
    return Transfer(
        row.transfer_id, row.referral_id, row.child_id, row.holder, row.to_polyclinic, from_ms(row.asked_at),
        from_ms(row.answer_by), TransferState(row.state),
        None if row.decided_at is None else from_ms(row.decided_at), row.decided_by,
    )  # fmt: skip
