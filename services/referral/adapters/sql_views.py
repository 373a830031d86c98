"""Read models of the API, straight from the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import exists, or_
from sqlmodel import Session, col, select

from services.contracts.authority import Visibility
from services.kit.sql.database import Database
from services.referral.adapters.center_visibility import entries_of, without_declines, without_place
from services.referral.adapters.tables import (
    CenterRow,
    DecisionRow,
    HistoryRow,
    OfferRow,
    ProgrammeRow,
    QueueEntryRow,
    ReferralRow,
)


@dataclass(frozen=True, slots=True)
class Story:
    """One referral, as far as it is visible. Decision and queue entries are of its latest visible attempt."""

    referral: ReferralRow
    offers: Sequence[OfferRow]
    decision: DecisionRow | None
    queues: Sequence[QueueEntryRow]
    history: Sequence[HistoryRow]
    centers: dict[str, CenterRow]
    programmes: dict[str, ProgrammeRow]


@dataclass(frozen=True, slots=True)
class CenterView:
    """A center with its open programmes."""

    center: CenterRow
    programmes: Sequence[ProgrammeRow]


class Views:
    """Each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def referrals(
        self, visibility: Visibility, filters: dict[str, str], after: str | None, limit: int
    ) -> Sequence[ReferralRow]:
        """Referrals by id, which is by time of submission, the newest first; `after` is the last id seen."""
        query = visible(select(ReferralRow), visibility).order_by(col(ReferralRow.id).desc()).limit(limit)
        for name, value in filters.items():
            query = query.where(getattr(ReferralRow, name) == value)
        if not visibility.everything and "center_id" in filters:  # a filter must not disclose another center
            own = col(ReferralRow.center_id) == visibility.center_id
            query = query.where(or_(own, col(ReferralRow.polyclinic_id) == visibility.polyclinic_id))
        if after:
            query = query.where(col(ReferralRow.id) < after)
        return await self._database.read(lambda session: _as_seen(session, session.scalars(query).all(), visibility))

    async def story(self, referral_id: str, visibility: Visibility) -> Story | None:
        """The whole story, or None when there is no such referral that is visible."""
        return await self._database.read(lambda session: _story(session, referral_id, visibility))

    async def centers(self, region_id: str | None, after: str | None, limit: int) -> Sequence[CenterView]:
        query = select(CenterRow).order_by(col(CenterRow.id)).limit(limit)
        if region_id:
            query = query.where(CenterRow.region_id == region_id)
        if after:
            query = query.where(col(CenterRow.id) > after)
        return await self._database.read(lambda session: _with_programmes(session, session.scalars(query).all()))

    async def center(self, center_id: str) -> CenterView | None:
        query = select(CenterRow).where(CenterRow.id == center_id)
        found = await self._database.read(lambda session: _with_programmes(session, session.scalars(query).all()))
        return found[0] if found else None


def visible(query: Any, visibility: Visibility) -> Any:
    """`query` of referrals, of those that are visible."""
    if visibility.everything:
        return query
    own = col(ReferralRow.polyclinic_id) == visibility.polyclinic_id
    offered: Any = (OfferRow.referral_id == ReferralRow.id) & (OfferRow.center_id == visibility.center_id)
    if visibility.center_id is None:
        return query.where(own)
    offered = exists().where(offered)
    return query.where(offered if visibility.polyclinic_id is None else or_(own, offered))


def related_ids(session: Session, id: str) -> list[str]:
    """The ids of the audit log's entries about a child, with those of its referrals; or about one referral."""
    return [id, *session.scalars(select(ReferralRow.id).where(ReferralRow.child_id == id))]


def _as_seen(session: Session, rows: Sequence[ReferralRow], visibility: Visibility) -> Sequence[ReferralRow]:
    """The rows; for a center without the place where the attempt is not its own."""
    if visibility.center_id is None:
        return rows
    offered = select(OfferRow.referral_id, OfferRow.attempt).where(OfferRow.center_id == visibility.center_id)
    own = {tuple(one) for one in session.exec(offered.where(col(OfferRow.referral_id).in_([row.id for row in rows])))}
    return [
        row if visibility.wholly(row.polyclinic_id) or (row.id, row.attempt) in own else without_place(row)
        for row in rows
    ]


def _story(session: Session, referral_id: str, visibility: Visibility) -> Story | None:
    row = session.scalars(visible(select(ReferralRow).where(ReferralRow.id == referral_id), visibility)).first()
    if row is None:
        return None

    def of(model: Any) -> Any:
        return select(model).where(model.referral_id == referral_id)

    offers = session.scalars(of(OfferRow).order_by(OfferRow.attempt)).all()
    history = session.scalars(of(HistoryRow).order_by(HistoryRow.version)).all()
    decisions = of(DecisionRow).order_by(col(DecisionRow.attempt).desc())
    if wholly := visibility.wholly(row.polyclinic_id):
        decision = session.scalars(decisions).first()
    else:
        own = [one for one in offers if one.center_id == visibility.center_id]
        attempts = {one.attempt for one in own}
        offers, history = own, entries_of(attempts, offers, history)
        decision = session.scalars(decisions.where(col(DecisionRow.attempt).in_(attempts))).first()
        decision = decision and without_declines(decision)
        row = row if row.attempt in attempts else without_place(row)
    queues = (
        session.scalars(of(QueueEntryRow).where(QueueEntryRow.attempt == decision.attempt)).all() if decision else []
    )
    return _named(session, row, offers, decision, queues, history, None if wholly else visibility.center_id)


def _named(
    session: Session,
    row: ReferralRow,
    offers: Sequence[OfferRow],
    decision: DecisionRow | None,
    queues: Sequence[QueueEntryRow],
    history: Sequence[HistoryRow],
    center_id: str | None,
) -> Story:
    """With the centers and programmes that are named in it; a center sees its own queue entries only."""
    named = {one.programme_id for one in offers} | {one.programme_id for one in queues}
    if decision:
        named |= {one[0] for one in orjson.loads(decision.candidates)}
    programmes = {p.id: p for p in session.scalars(select(ProgrammeRow).where(col(ProgrammeRow.id).in_(named)))}
    wanted = {one.center_id for one in offers} | {one.center_id for one in programmes.values()}
    centers = {c.id: c for c in session.scalars(select(CenterRow).where(col(CenterRow.id).in_(wanted)))}
    if center_id is not None:
        queues = [one for one in queues if programmes[one.programme_id].center_id == center_id]
    return Story(row, offers, decision, queues, history, centers, programmes)


def _with_programmes(session: Session, centers: Sequence[CenterRow]) -> list[CenterView]:
    theirs = col(ProgrammeRow.center_id).in_([one.id for one in centers])
    found = session.scalars(
        select(ProgrammeRow).where(theirs, col(ProgrammeRow.closed).is_(False)).order_by(col(ProgrammeRow.id))
    )
    by_center: dict[str, list[ProgrammeRow]] = {}
    for programme in found:
        by_center.setdefault(programme.center_id, []).append(programme)
    return [CenterView(one, by_center.get(one.id, [])) for one in centers]
