"""What the API shows, read straight from the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import exists
from sqlmodel import Session, col, select

from services.kit.sql.database import Database
from services.referral.adapters.own_part import own_decision, steps_of, without_place
from services.referral.adapters.tables import (
    CenterRow,
    DecisionRow,
    HistoryRow,
    OfferRow,
    ProgrammeRow,
    ReferralRow,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose referrals may be seen: one polyclinic's, those ever offered to one center (its own part), or all."""

    polyclinic_id: str | None = None
    center_id: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one referral."""

    referral: ReferralRow
    offers: Sequence[OfferRow]
    decision: DecisionRow | None
    history: Sequence[HistoryRow]
    centers: dict[str, CenterRow]
    programmes: dict[str, ProgrammeRow]


@dataclass(frozen=True, slots=True)
class CenterView:
    """A center with its programmes."""

    center: CenterRow
    programmes: Sequence[ProgrammeRow]


class Views:
    """Read models; each call is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def referrals(
        self, scope: Scope, filters: dict[str, str], after: str | None, limit: int
    ) -> Sequence[ReferralRow]:
        """Referrals by id, which is by time of submission, the newest first; `after` is the last id seen."""
        query = _scoped(select(ReferralRow), scope).order_by(col(ReferralRow.id).desc()).limit(limit)
        for name, value in filters.items():
            query = query.where(getattr(ReferralRow, name) == value)
        if scope.center_id is not None and "center_id" in filters:  # nor does a list tell who has the others
            query = query.where(col(ReferralRow.center_id) == scope.center_id)
        if after:
            query = query.where(col(ReferralRow.id) < after)
        return await self._database.read(lambda session: _as_seen(session, session.scalars(query).all(), scope))

    async def story(self, referral_id: str, scope: Scope) -> Story | None:
        """The whole story, or None when there is no such referral in `scope`."""
        return await self._database.read(lambda session: _story(session, referral_id, scope))

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


def _scoped(query: Any, scope: Scope) -> Any:
    if scope.polyclinic_id is not None:
        query = query.where(ReferralRow.polyclinic_id == scope.polyclinic_id)
    if scope.center_id is not None:
        offered: Any = (OfferRow.referral_id == ReferralRow.id) & (OfferRow.center_id == scope.center_id)
        query = query.where(exists().where(offered))
    return query


def _as_seen(session: Session, rows: Sequence[ReferralRow], scope: Scope) -> Sequence[ReferralRow]:
    """The rows as a center may see them: without the place where the attempt is not its own; as they are for others."""
    if scope.center_id is None:
        return rows
    offered = select(OfferRow.referral_id, OfferRow.attempt).where(OfferRow.center_id == scope.center_id)
    own = {tuple(one) for one in session.exec(offered.where(col(OfferRow.referral_id).in_([row.id for row in rows])))}
    return [row if (row.id, row.attempt) in own else without_place(row) for row in rows]


def _story(session: Session, referral_id: str, scope: Scope) -> Story | None:
    row = session.scalars(_scoped(select(ReferralRow).where(ReferralRow.id == referral_id), scope)).first()
    if row is None:
        return None
    offers = session.scalars(
        select(OfferRow).where(OfferRow.referral_id == referral_id).order_by(col(OfferRow.attempt))
    ).all()
    history = session.scalars(
        select(HistoryRow).where(HistoryRow.referral_id == referral_id).order_by(col(HistoryRow.version))
    ).all()
    decisions = select(DecisionRow).where(DecisionRow.referral_id == referral_id)
    if scope.center_id is not None:
        own = [one for one in offers if one.center_id == scope.center_id]
        attempts = {one.attempt for one in own}
        offers, history = own, steps_of(attempts, offers, history)
        decisions = decisions.where(col(DecisionRow.attempt).in_(attempts))
        row = row if row.attempt in attempts else without_place(row)
    decision = session.scalars(decisions.order_by(col(DecisionRow.attempt).desc())).first()
    if decision and scope.center_id is not None:
        decision = own_decision(decision)
    return _named(session, row, offers, decision, history)


def _named(
    session: Session,
    row: ReferralRow,
    offers: Sequence[OfferRow],
    decision: DecisionRow | None,
    history: Sequence[HistoryRow],
) -> Story:
    named = {one.programme_id for one in offers}
    if decision:
        named |= {one[0] for one in orjson.loads(decision.candidates)}
    programmes = {p.id: p for p in session.scalars(select(ProgrammeRow).where(col(ProgrammeRow.id).in_(named)))}
    wanted = {one.center_id for one in offers} | {one.center_id for one in programmes.values()}
    centers = {c.id: c for c in session.scalars(select(CenterRow).where(col(CenterRow.id).in_(wanted)))}
    return Story(row, offers, decision, history, centers, programmes)


def _with_programmes(session: Session, centers: Sequence[CenterRow]) -> list[CenterView]:
    mine = select(ProgrammeRow).where(col(ProgrammeRow.center_id).in_([one.id for one in centers]))
    by_center: dict[str, list[ProgrammeRow]] = {}
    found: Sequence[ProgrammeRow] = session.scalars(mine.order_by(col(ProgrammeRow.id))).all()
    for programme in found:
        by_center.setdefault(programme.center_id, []).append(programme)
    return [CenterView(one, by_center.get(one.id, [])) for one in centers]
