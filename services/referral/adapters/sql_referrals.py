"""The referrals' record in SQL. Each call is one transaction; a batch is one statement a table."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import BindParameter, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from services.contracts.claims import DataVersion
from services.contracts.events import write_event
from services.contracts.vocabulary import OfferState
from services.kit.errors import Conflict
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.add_rows import add_rows
from services.kit.sql.database import Database
from services.kit.tracing import of_subject
from services.referral.adapters import rows
from services.referral.adapters.capacity_version import raise_version, read_version
from services.referral.adapters.sql_exclusions import add_exclusions
from services.referral.adapters.tables import (
    DecisionRow,
    HistoryRow,
    OfferRow,
    QueueEntryRow,
    ReferralRow,
    RegistryVersionRow,
    inbox,
    outbox,
    table,
)
from services.referral.domain.deadline_steps import REVIEWED
from services.referral.domain.life import Command
from services.referral.domain.referral import Change, Offer, ReferralWithOffers
from services.referral.ports import BatchContext

SOURCE = "/joldama/referral"
PART = 500
"""Ids of one statement."""
BY_NETWORK = frozenset({Command.WAIT, Command.SET_ASIDE})
"""Steps that hold for one version of the registry only."""
DECIDED = "decided"
"""Why a queue entry was made: the decision that found no free place."""

# Statements of every batch are built once: building them costs more than running them.
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_REFERRALS = select(table(ReferralRow)).where(table(ReferralRow).c.id.in_(_IDS))
_OFFERS = select(table(OfferRow)).where(table(OfferRow).c.referral_id.in_(_IDS)).order_by(table(OfferRow).c.attempt)
_HELD_VERSION = select(table(RegistryVersionRow).c.version).with_for_update(read=True)


class SqlReferrals:
    """Referrals on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_batch(
        self, consumer: str, event_ids: Collection[str], referral_ids: Collection[UUID]
    ) -> BatchContext:
        def work(session: Session) -> BatchContext:
            unseen = inbox.unseen(session, consumer, event_ids)
            return BatchContext(frozenset(unseen), load(session, referral_ids), read_version(session))

        return await self._database.read(work)

    async def load(self, referral_id: UUID) -> ReferralWithOffers | None:
        found = await self._database.read(lambda session: load(session, [referral_id]))
        return found.get(referral_id)

    async def save(
        self,
        changes: Sequence[Change],
        *,
        consumer: str = "",
        event_ids: Collection[str] = (),
        data_version: DataVersion | None = None,
        registry_version: int = 0,
    ) -> None:
        messages = [message for change in changes for message in _messages(change)]
        by_network = any(change.entry.command in BY_NETWORK for change in changes)

        def work(session: Session) -> None:
            if by_network:
                _hold_registry(session, registry_version)
            inbox.record(session, consumer, event_ids)
            _hold_passed_over(session, changes)
            _save_referrals(session, changes)
            _save_offers(session, changes)
            _pass_over_no_longer(session, changes)
            add_exclusions(session, changes)
            _insert(session, DecisionRow, _decisions(changes, registry_version))
            _insert(session, QueueEntryRow, _queue_entries(changes))
            _insert(session, HistoryRow, [rows.history_values(c.referral.id, c.entry) for c in changes])
            outbox.add(session, messages)
            raise_version(session, data_version)

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise Conflict("another transaction was first") from error


def _insert(session: Session, model: type[SQLModel], values: Sequence[rows.Values]) -> None:
    add_rows(session, table(model), values)


def parts(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[start : start + PART] for start in range(0, len(ids), PART)]


def load(session: Session, ids: Collection[UUID]) -> dict[UUID, ReferralWithOffers]:
    found: dict[UUID, ReferralWithOffers] = {}
    for part in parts([str(one) for one in ids]):
        referrals = session.execute(_REFERRALS, {"ids": part}).all()
        offers: dict[str, list[Offer]] = {}
        for offer in session.execute(_OFFERS, {"ids": part}) if referrals else ():
            offers.setdefault(offer.referral_id, []).append(rows.offer_of(offer._asdict()))
        for row in referrals:
            referral = rows.referral_of(row._asdict())
            found[referral.id] = ReferralWithOffers(referral, tuple(offers.get(row.id, ())))
    return found


def _hold_registry(session: Session, version: int) -> None:
    """No programme opens until this is committed; raises Conflict when one has opened since `version` was read."""
    now = session.execute(_HELD_VERSION).scalar()
    if (now or 0) != version:
        raise Conflict(f"the registry has moved on from version {version}")


def _save_referrals(session: Session, changes: Sequence[Change]) -> None:
    _insert(session, ReferralRow, [rows.referral_values(c.referral) for c in changes if not c.expected])
    referrals = table(ReferralRow)
    for change in changes:
        if change.expected:
            here = (referrals.c.id == str(change.referral.id)) & (referrals.c.version == change.expected)
            corrected = change.entry.command is Command.CORRECT
            values = rows.referral_values(change.referral) if corrected else rows.moving_values(change.referral)
            moved: Any = session.execute(update(referrals).where(here).values(values))
            if moved.rowcount != 1:
                raise Conflict(f"referral {change.referral.id} has moved on from version {change.expected}")


def _save_offers(session: Session, changes: Sequence[Change]) -> None:
    offers = [change.offer for change in changes if change.offer]
    _insert(session, OfferRow, [rows.offer_values(one) for one in offers if one.state is OfferState.MADE])
    made = table(OfferRow)
    for one in offers:
        if one.state is not OfferState.MADE:
            here = (made.c.referral_id == str(one.referral_id)) & (made.c.attempt == one.attempt)
            session.execute(update(made).where(here).values(rows.offer_values(one)))


def _hold_passed_over(session: Session, changes: Sequence[Change]) -> None:
    """No center that these changes pass over answers until this is committed; raises Conflict when one has answered."""
    wanted = {(str(c.referral.id), attempt) for c in changes for attempt in c.passed_over}
    if not wanted:
        return
    offers = table(OfferRow)
    of_them = offers.c.referral_id.in_({id for id, _ in wanted}) & offers.c.passed_over_until.is_not(None)
    query = select(offers.c.referral_id, offers.c.attempt).where(of_them)
    still = session.execute(query.order_by(offers.c.referral_id, offers.c.attempt).with_for_update()).all()
    if not wanted <= {(id, attempt) for id, attempt in still}:
        raise Conflict("a center that was passed over answers again")


def _pass_over_no_longer(session: Session, changes: Sequence[Change]) -> None:
    """A center has answered: whom it did not answer before is reviewed. A referral is offered again: to all."""
    offers, referrals = table(OfferRow), table(ReferralRow)
    for one in changes:
        if one.entry.command is Command.OFFER_AGAIN:
            ended = offers.c.referral_id == str(one.referral.id)
        elif one.answered_center:
            ended = offers.c.center_id == one.answered_center
        else:
            continue
        lift = update(offers).where(ended, offers.c.passed_over_until.is_not(None)).values(passed_over_until=None)
        lifted = sorted(set(session.scalars(lift.returning(offers.c.referral_id))))
        for part in parts(lifted):
            unplaced = referrals.c.id.in_(part) & referrals.c.state.in_(REVIEWED)
            session.execute(update(referrals).where(unplaced).values(due_at=one.entry.at))


def _decisions(changes: Sequence[Change], registry_version: int) -> list[rows.Values]:
    return [rows.decision_values(c, c.decision, registry_version) for c in changes if c.decision]


def _queue_entries(changes: Sequence[Change]) -> list[rows.Values]:
    return [
        rows.queue_values(id, c.referral.attempt, programme_id, c.entry.at, DECIDED)
        for c in changes
        for id in (str(c.referral.id),)
        for programme_id in c.queues
    ]


def _messages(change: Change) -> list[OutgoingEvent]:
    """The event's id is derived from its content, so that a step has one event however often it is saved."""
    event_id = str(uuid5(change.referral.id, str(change.referral.version)))
    payload = write_event(
        change.event, event_id=event_id, source=SOURCE, time=change.entry.at, traceparent=of_subject(change.event.key)
    )
    return [OutgoingEvent(topic, change.event.key, payload, event_id) for topic in change.event.TOPICS]
