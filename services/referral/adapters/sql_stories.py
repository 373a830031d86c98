"""One referral's whole story in SQL, as far as somebody sees it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlmodel import Session

from services.contracts.authority import Visibility
from services.referral.adapters.center_visibility import entries_of, has_now, own_candidates, own_part
from services.referral.adapters.sql_directory import Directory
from services.referral.adapters.sql_exclusions import read_excluded
from services.referral.adapters.sql_lists import read_rows, visible
from services.referral.adapters.tables import DecisionRow, HistoryRow, OfferRow, QueueEntryRow, ReferralRow, table

Row = Any
"""A row of the table by its columns' names."""


@dataclass(frozen=True, slots=True)
class Story:
    """One referral, as far as it is visible. Decision and queue entries are of its latest visible attempt.

    `child_id` is for the audit log, also where the referral is shown without it.
    """

    child_id: str
    referral: Row
    offers: Sequence[Row]
    decision: Row | None
    queues: Sequence[Row]
    history: Sequence[Row]
    directory: Directory


def _of(model: Any, by: str) -> Any:
    """The statement of a referral's rows, in order."""
    one = table(model)
    return select(one).where(one.c.referral_id == bindparam("id")).order_by(one.c[by])


_OFFERS, _HISTORY = _of(OfferRow, "attempt"), _of(HistoryRow, "version")
_DECISIONS, _QUEUES = _of(DecisionRow, "attempt"), _of(QueueEntryRow, "programme_id")


@lru_cache(maxsize=500)
def _referral(visibility: Visibility) -> Any:
    return visible(select(table(ReferralRow)).where(table(ReferralRow).c.id == bindparam("id")), visibility)


def read_story(session: Session, referral_id: str, visibility: Visibility, directory: Directory) -> Story | None:
    """The whole story, or None when there is no such referral that is visible."""
    given = {"id": referral_id}
    found = read_rows(session, _referral(visibility), given)
    if not found:
        return None
    row, offers, history = found[0], read_rows(session, _OFFERS, given), read_rows(session, _HISTORY, given)
    story = Story(row.child_id, row, offers, None, (), history, directory)
    if not visibility.wholly(row.polyclinic_id):
        own = [one for one in offers if one.center_id == visibility.center_id]
        entries = entries_of({one.attempt for one in own}, offers, history)
        story = replace(story, offers=own, history=entries)
        if not has_now(row, visibility.center_id):
            return replace(story, referral=own_part(row, entries))
    return _with_decision(session, story, visibility)


def _with_decision(session: Session, story: Story, visibility: Visibility) -> Story:
    """With the latest decision and its queue entries; of a center only its own part of that of its attempt."""
    row, given, programmes = story.referral, {"id": story.referral.id}, story.directory.programmes
    decisions, wholly = read_rows(session, _DECISIONS, given), visibility.wholly(story.referral.polyclinic_id)
    decision = next((one for one in reversed(decisions) if wholly or one.attempt == row.attempt), None)
    if decision is None:
        return story
    queues = [one for one in read_rows(session, _QUEUES, given) if one.attempt == decision.attempt]
    if wholly:
        decision = read_excluded(session, decision)
    else:
        decision = own_candidates(
            decision, {id for id, one in programmes.items() if one.center_id == visibility.center_id}
        )
        queues = [one for one in queues if programmes[one.programme_id].center_id == visibility.center_id]
    return replace(story, decision=decision, queues=queues)
