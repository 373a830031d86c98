"""The content of both databases after a run, read past the services."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import create_engine, func, select
from sqlmodel import Session

from services.contracts.events import ReferralEvent, read_event
from services.intake.adapters.tables import diagnoses
from services.referral.adapters.sql_referrals import DECIDED
from services.referral.adapters.tables import (
    DecisionRow,
    FigureRow,
    HistoryRow,
    OfferRow,
    ProgrammeRow,
    QueueEntryRow,
    ReferralRow,
    outbox,
    table,
)
from tests.chaos.queue_replay import RecordedWait
from tests.support.network import RunningNetwork


@dataclass
class RecordedReferral:
    """One referral with all rows about it, in order of version or attempt."""

    row: ReferralRow
    history: list[HistoryRow] = field(default_factory=list)
    offers: list[OfferRow] = field(default_factory=list)
    decisions: dict[int, DecisionRow] = field(default_factory=dict)
    queues: list[QueueEntryRow] = field(default_factory=list)
    events: list[ReferralEvent] = field(default_factory=list)


@dataclass
class Record:
    """Referrals by id, programmes and figures by programme id, and the referral ids of intake's diagnoses."""

    referrals: dict[str, RecordedReferral]
    programmes: dict[str, ProgrammeRow]
    figures: dict[str, FigureRow]
    diagnosed: set[str]

    @property
    def ranks(self) -> dict[str, int]:
        return {id: one.row.rank for id, one in self.referrals.items()}

    def waits(self) -> list[RecordedWait]:
        """Every wait of every referral."""
        return [wait for one in self.referrals.values() for wait in _waits(one)]


def read_record(network: RunningNetwork) -> Record:
    """Each database in one snapshot; nothing may be under way between the two."""
    return Record(*_read_referrals(network.plan.referral_sql_url), _read_diagnosed(network.plan.intake_sql_url))


def _read_referrals(url: str) -> tuple[dict[str, RecordedReferral], dict[str, ProgrammeRow], dict[str, FigureRow]]:
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            referrals = {row.id: RecordedReferral(row) for row in session.exec(_all(ReferralRow, "id"))}
            for step in session.exec(_all(HistoryRow, "referral_id", "version")):
                referrals[step.referral_id].history.append(step)
            for offer in session.exec(_all(OfferRow, "referral_id", "attempt")):
                referrals[offer.referral_id].offers.append(offer)
            for decision in session.exec(_all(DecisionRow, "referral_id", "attempt")):
                referrals[decision.referral_id].decisions[decision.attempt] = decision
            for entry in session.exec(_all(QueueEntryRow, "referral_id", "attempt", "programme_id")):
                referrals[entry.referral_id].queues.append(entry)
            for event in _read_events(session):
                referrals[str(event.referral_id)].events.append(event)
            programmes = {row.id: row for row in session.exec(_all(ProgrammeRow, "id"))}
            figures = {row.programme_id: row for row in session.exec(_all(FigureRow, "programme_id"))}
            session.expunge_all()
    finally:
        engine.dispose()
    return referrals, programmes, figures


def due_referrals(network: RunningNetwork) -> int:
    """How many referrals the sweep has yet to look at."""
    engine = create_engine(network.plan.referral_sql_url)
    try:
        with Session(engine) as session:
            due = select(func.count()).where(table(ReferralRow).c.due_at <= datetime.now(UTC))
            return int(session.execute(due).scalar_one())
    finally:
        engine.dispose()


def _read_events(session: Session) -> Iterator[ReferralEvent]:
    """The referrals' events in order, each once: the outbox has a row a topic."""
    rows, seen = outbox.rows.c, set[str]()
    for event_id, payload in session.execute(select(rows.event_id, rows.payload).order_by(rows.sequence)):
        if event_id not in seen:
            seen.add(event_id)
            event = read_event(payload)
            if event and isinstance(event.data, ReferralEvent):
                yield event.data


def _all(model: type, *order: str) -> Any:
    from sqlmodel import select as select_rows

    return select_rows(model).order_by(*(getattr(model, name) for name in order))


def _read_diagnosed(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return {str(one) for one in connection.execute(select(diagnoses.c.referral_id)).scalars()}
    finally:
        engine.dispose()


def _waits(referral: RecordedReferral) -> Iterator[RecordedWait]:
    """Each wait with the queues that were joined as it began; a queue joined later was not restored before then."""
    joined = defaultdict[datetime, dict[int, set[str]]](lambda: defaultdict(set))
    for entry in referral.queues:
        if entry.reason == DECIDED:
            joined[entry.since][entry.attempt].add(entry.programme_id)
    for step in referral.history:
        if step.command == "wait":
            for attempt, programmes in joined[step.at].items():
                end = _end_of_wait(referral.history, step.version)
                until = _ms(end) if end else float("inf")
                yield RecordedWait(referral.row.id, attempt, frozenset(programmes), _ms(step.at), until)


def _end_of_wait(history: Sequence[HistoryRow], version: int) -> datetime | None:
    """When the wait that began with this version ended; None while it goes on."""
    later = (one.at for one in history if one.version > version and one.to_state != "waiting")
    return next(later, None)


def _ms(moment: datetime) -> float:
    return moment.timestamp() * 1000
