"""What both databases say after a run, read past the services."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import create_engine, select
from sqlmodel import Session

from services.contracts.events import ReferralEvent, read_event
from services.intake.adapters.tables import diagnoses
from services.referral.adapters.tables import DecisionRow, HistoryRow, OfferRow, ReferralRow, outbox
from tests.chaos.turns import Wait
from tests.support.network import RunningNetwork


@dataclass
class Story:
    """One referral with all that is recorded of it, in order of version or attempt."""

    row: ReferralRow
    history: list[HistoryRow] = field(default_factory=list)
    offers: list[OfferRow] = field(default_factory=list)
    decisions: dict[int, DecisionRow] = field(default_factory=dict)
    events: list[ReferralEvent] = field(default_factory=list)


@dataclass
class Record:
    """`diagnosed`: the referral ids that intake has."""

    stories: dict[str, Story]
    diagnosed: set[str]

    @property
    def ranks(self) -> dict[str, int]:
        return {id: story.row.rank for id, story in self.stories.items()}

    def waits(self) -> list[Wait]:
        """Every time that somebody waited, and for which programmes."""
        return [wait for story in self.stories.values() for wait in _waits(story)]


def read_record(network: RunningNetwork) -> Record:
    """Each database in one snapshot; nothing may be under way between the two."""
    return Record(_read_stories(network.plan.referral_sql_url), _read_diagnosed(network.plan.intake_sql_url))


def _read_stories(url: str) -> dict[str, Story]:
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            stories = {row.id: Story(row) for row in session.exec(_all(ReferralRow, "id"))}
            for step in session.exec(_all(HistoryRow, "referral_id", "version")):
                stories[step.referral_id].history.append(step)
            for offer in session.exec(_all(OfferRow, "referral_id", "attempt")):
                stories[offer.referral_id].offers.append(offer)
            for decision in session.exec(_all(DecisionRow, "referral_id", "attempt")):
                stories[decision.referral_id].decisions[decision.attempt] = decision
            for payload in session.execute(select(outbox.rows.c.payload).order_by(outbox.rows.c.sequence)).scalars():
                event = read_event(payload)
                if event and isinstance(event.data, ReferralEvent):
                    stories[str(event.data.referral_id)].events.append(event.data)
            session.expunge_all()
    finally:
        engine.dispose()
    return stories


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


def _waits(story: Story) -> list[Wait]:
    begun = {one.at: one for one in story.decisions.values()}
    found = []
    for step in story.history:
        if step.command == "wait" and (decision := begun.get(step.at)):
            left = _left(story.history, step.version)
            # What was joined later has no count of free places, and did not have this child in its queue from then on.
            candidates = json.loads(decision.candidates)
            programmes = frozenset(name for name, _, free, *_ in candidates if free is not None)
            until = _ms(left) if left else float("inf")
            found.append(Wait(story.row.id, decision.attempt, programmes, _ms(step.at), until))
    return found


def _left(history: Sequence[HistoryRow], version: int) -> datetime | None:
    """When the waiting that began with this version was over; None while it goes on."""
    later = (one.at for one in history if one.version > version and one.to_state != "waiting")
    return next(later, None)


def _ms(moment: datetime) -> float:
    return moment.timestamp() * 1000
