"""The referrals' record in SQL. Each call is one transaction; a batch is one statement a table."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts import topics
from services.contracts.claims import DataVersion
from services.contracts.events import write_event
from services.contracts.vocabulary import OfferState, ReferralState
from services.kit.errors import Conflict
from services.kit.sql.database import Database
from services.kit.sql.outbox import Message
from services.referral.adapters import rows
from services.referral.adapters.capacity_mark import raise_mark, read_mark
from services.referral.adapters.sql_seeking import seek
from services.referral.adapters.tables import (
    DecisionRow,
    HistoryRow,
    OfferRow,
    ReferralRow,
    RegistryVersionRow,
    inbox,
    outbox,
)
from services.referral.domain.life import Command
from services.referral.domain.programmes import Programme
from services.referral.domain.referral import Change
from services.referral.domain.routing import Candidate, in_order
from services.referral.ports import Inboxed, Loaded, Seeker

SOURCE = "/joldama/referral"
BY_NETWORK = frozenset({Command.WAIT, Command.SET_ASIDE})
"""Steps that are true of one version of the registry only."""


class SqlReferrals:
    """Referrals on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self, consumer: str, event_ids: Collection[str], referral_ids: Collection[UUID]) -> Inboxed:
        def work(session: Session) -> Inboxed:
            unseen = inbox.unseen(session, consumer, event_ids)
            return Inboxed(frozenset(unseen), load(session, referral_ids), read_mark(session))

        return await self._database.read(work)

    async def load(self, referral_id: UUID) -> Loaded | None:
        found = await self._database.read(lambda session: load(session, [referral_id]))
        return found.get(referral_id)

    async def save(
        self,
        changes: Sequence[Change],
        *,
        consumer: str = "",
        event_ids: Collection[str] = (),
        mark: DataVersion | None = None,
        registry_version: int = 0,
    ) -> None:
        messages = [_message(change) for change in changes]
        by_network = any(change.step.command in BY_NETWORK for change in changes)

        def work(session: Session) -> None:
            if by_network:
                _hold_registry(session, registry_version)
            inbox.record(session, consumer, event_ids)
            _save_referrals(session, changes)
            _save_offers(session, changes)
            _insert(session, DecisionRow, _decisions(changes, registry_version))
            _insert(session, HistoryRow, [rows.history_values(c.referral.id, c.step) for c in changes])
            outbox.add(session, messages)
            raise_mark(session, mark)

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise Conflict("another transaction was first") from error

    async def seeking(self, programmes: Collection[Programme]) -> Sequence[Seeker]:
        return await self._database.read(lambda session: seek(session, programmes)) if programmes else ()

    async def join_queues(self, joining: Mapping[UUID, Sequence[Candidate]]) -> None:
        by_id = {str(referral_id): candidates for referral_id, candidates in joining.items()}
        for part in _parts(sorted(by_id)):
            await self._database.write(partial(_join_queues, part=part, by_id=by_id))


def _table(model: type) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


def _insert(session: Session, model: type, values: Sequence[rows.Values]) -> None:
    if values:
        session.execute(insert(_table(model)), values)


def load(session: Session, ids: Collection[UUID]) -> dict[UUID, Loaded]:
    wanted = [str(one) for one in ids]
    found: dict[UUID, Loaded] = {}
    for part in _parts(wanted):
        # Referrals before offers: a step saved between the two readings is one too many, which its version tells.
        referrals = session.scalars(select(ReferralRow).where(_column(ReferralRow, "id").in_(part))).all()
        offers: dict[str, list[Any]] = {}
        for offer in session.scalars(select(OfferRow).where(_column(OfferRow, "referral_id").in_(part))):
            offers.setdefault(offer.referral_id, []).append(offer)
        for row in referrals:
            made = sorted(offers.get(row.id, ()), key=lambda one: one.attempt)
            found[UUID(row.id)] = Loaded(rows.referral_of(row), tuple(map(rows.offer_of, made)))
    return found


def _parts(wanted: Sequence[str]) -> list[Sequence[str]]:
    return [wanted[start : start + 500] for start in range(0, len(wanted), 500)]


def _hold_registry(session: Session, version: int) -> None:
    """No programme opens until this is committed; raises Conflict when one has opened since `version` was read."""
    table = _table(RegistryVersionRow)
    now = session.execute(select(table.c.version).with_for_update(read=True)).scalar()
    if (now or 0) != version:
        raise Conflict(f"the registry has moved on from version {version}")


def _column(model: type, name: str) -> Any:
    return getattr(model, name)


def _save_referrals(session: Session, changes: Sequence[Change]) -> None:
    _insert(session, ReferralRow, [rows.referral_values(c.referral) for c in changes if not c.expected])
    table = _table(ReferralRow)
    for change in changes:
        if change.expected:
            here = (table.c.id == str(change.referral.id)) & (table.c.version == change.expected)
            moved = session.execute(update(table).where(here).values(rows.moving_values(change.referral)))
            if moved.rowcount != 1:  # type: ignore[attr-defined]
                raise Conflict(f"referral {change.referral.id} has moved on from version {change.expected}")


def _save_offers(session: Session, changes: Sequence[Change]) -> None:
    offers = [change.offer for change in changes if change.offer]
    _insert(session, OfferRow, [rows.offer_values(one) for one in offers if one.state is OfferState.MADE])
    table = _table(OfferRow)
    for one in offers:
        if one.state is not OfferState.MADE:
            here = (table.c.referral_id == str(one.referral_id)) & (table.c.attempt == one.attempt)
            session.execute(update(table).where(here).values(rows.offer_values(one)))


def _decisions(changes: Sequence[Change], registry_version: int) -> list[rows.Values]:
    return [rows.decision_values(c, c.decision, registry_version) for c in changes if c.decision]


def _message(change: Change) -> Message:
    """The event's id is made of what it says, so that a step has one event however often it is written."""
    event_id = str(uuid5(change.referral.id, str(change.referral.version)))
    payload = write_event(change.event, event_id=event_id, source=SOURCE, time=change.step.at)
    return Message(event_id, topics.REFERRALS, change.event.key, payload)


def _join_queues(session: Session, part: Sequence[str], by_id: Mapping[str, Sequence[Candidate]]) -> None:
    joined = [values for row in _waited_for(session, part) if (values := _joined(row, by_id[row.referral_id]))]
    if joined:
        session.execute(_set_candidates, joined)


def _waited_for(session: Session, referral_ids: Sequence[str]) -> Sequence[Any]:
    """What those who still wait wait for; nobody else changes it until the commit."""
    decisions, referrals = _table(DecisionRow), _table(ReferralRow)
    current = (decisions.c.referral_id == referrals.c.id) & (decisions.c.attempt == referrals.c.attempt)
    query = select(decisions.c.referral_id, decisions.c.attempt, decisions.c.candidates).join(referrals, current)
    still = referrals.c.id.in_(referral_ids) & (referrals.c.state == ReferralState.WAITING)
    return session.execute(query.where(still).order_by(referrals.c.id).with_for_update(of=decisions)).all()


def _joined(row: Any, more: Sequence[Candidate]) -> rows.Values | None:
    known = rows.read_candidates(row.candidates)
    names = {one.programme_id for one in known}
    new = [one for one in more if one.programme_id not in names]
    if not new:
        return None
    all_now = sorted((*known, *new), key=in_order)
    return {"of": row.referral_id, "under": row.attempt, "now": rows.write_candidates(tuple(all_now))}


_decisions_table = _table(DecisionRow)
_set_candidates = (
    update(_decisions_table)
    .where(_decisions_table.c.referral_id == bindparam("of"), _decisions_table.c.attempt == bindparam("under"))
    .values(candidates=bindparam("now"))
)
