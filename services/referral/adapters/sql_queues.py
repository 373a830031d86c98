"""Unplaced referrals and their queue entries in SQL. There may be tens of thousands: a row is not read whole."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, insert, literal, or_, select
from sqlmodel import Session

from services.contracts.vocabulary import Catchment, Gmfcs, Modality, OfferState, Priority, ReferralState
from services.kit.sql.database import Database
from services.referral.adapters import rows
from services.referral.adapters.sql_referrals import parts
from services.referral.adapters.tables import OfferRow, QueueEntryRow, ReferralRow, table
from services.referral.domain.deadline_steps import REVIEWED
from services.referral.domain.programmes import Needs, Programme
from services.referral.domain.referral import Offer, excluded_ids
from services.referral.ports import UnplacedReferral

_referrals, _offers, _entries = table(ReferralRow), table(OfferRow), table(QueueEntryRow)
_row = _referrals.c
_READ = (
    _row.id, _row.attempt, _row.rank, _row.state, _row.age_months, _row.settlement_id, _row.region_id, _row.icd10,
    _row.gmfcs, _row.modalities, _row.max_distance_km, _row.priority, _row.submitted_at,
    _row.birth_day,
)  # fmt: skip
_STANDS = and_(
    _entries.c.referral_id == _row.id, _entries.c.attempt == _row.attempt, _row.state == ReferralState.WAITING
)
"""The entries of the referral's own attempt, while it waits."""
NONE = frozenset[str]()
OPENED = "opened"
"""Why a queue entry was made: a programme that accepts the child opened while it waited."""


class SqlQueues:
    """The Queues port; each call is one snapshot, or some transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unplaced(self, programmes: Collection[Programme], now: datetime) -> Sequence[UnplacedReferral]:
        return await self._database.read(lambda session: _unplaced(session, programmes, now)) if programmes else ()

    async def waiting_for(self, programme_id: str) -> frozenset[UUID]:
        query = select(_row.id).where(_STANDS, _entries.c.programme_id == programme_id)
        return await self._database.read(lambda session: frozenset(map(UUID, session.scalars(query))))

    async def entries(self, referral_ids: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
        wanted = _row.id.in_([str(one) for one in referral_ids])
        query = select(_row.id, _entries.c.programme_id).where(_STANDS, wanted)
        found = defaultdict[UUID, set[str]](set)
        for id, programme_id in await self._database.read(lambda session: session.execute(query).all()):
            found[UUID(id)].add(programme_id)
        return {id: frozenset(programmes) for id, programmes in found.items()}

    async def join(self, programme_id: str, joining: Mapping[UUID, int], now: datetime) -> None:
        attempts = {str(referral_id): attempt for referral_id, attempt in joining.items()}
        for part in parts(sorted(attempts)):
            await self._database.write(partial(_join, programme_id=programme_id, part=part, attempts=attempts, now=now))


def _join(session: Session, programme_id: str, part: Sequence[str], attempts: Mapping[str, int], now: datetime) -> None:
    still = _row.id.in_(part) & (_row.state == ReferralState.WAITING)
    waiting = session.execute(select(_row.id, _row.attempt).where(still).order_by(_row.id).with_for_update()).all()
    there = _STANDS, _row.id.in_(part), _entries.c.programme_id == programme_id
    known = set(session.execute(select(_entries.c.referral_id).where(*there)).scalars())
    new = [
        rows.queue_values(id, attempt, programme_id, now, OPENED)
        for id, attempt in waiting
        if attempts[id] == attempt and id not in known
    ]
    if new:
        session.execute(insert(_entries), new)


def _unplaced(session: Session, programmes: Collection[Programme], now: datetime) -> list[UnplacedReferral]:
    wanted = and_(_row.state.in_(REVIEWED), or_(*map(_may_accept, set(map(_terms, programmes)))))
    excluding = or_(_offers.c.state == OfferState.DECLINED, _offers.c.passed_over_until > now)
    of_them = and_(_offers.c.referral_id.in_(select(_row.id).where(wanted)), excluding)
    ended = defaultdict[str, list[Offer]](list)
    for offer in session.scalars(select(OfferRow).where(of_them)):
        ended[offer.referral_id].append(rows.offer_of(offer.model_dump()))
    parsed: dict[str, frozenset[Modality]] = {}
    return [
        _referral(row, parsed, excluded_ids(ended[row[0]], now) if row[0] in ended else NONE)
        for row in session.execute(select(*_READ).where(wanted))
    ]


def _referral(row: Any, parsed: dict[str, frozenset[Modality]], excluded: frozenset[str]) -> UnplacedReferral:
    id, attempt, rank, state, age, settlement, region, icd10, gmfcs, listed, farthest, priority, at, born = row
    modalities = parsed.get(listed) or parsed.setdefault(listed, rows.modalities_of(listed))
    needs = Needs(
        age, settlement, region, icd10, gmfcs and Gmfcs(gmfcs), modalities, farthest, Priority(priority), at, born
    )
    return UnplacedReferral(UUID(id), attempt, rank, state == ReferralState.WAITING, needs, excluded)


Terms = tuple[str, str | None, str | None]
"""A programme's modality, and the region or the settlement of its children."""


def _terms(programme: Programme) -> Terms:
    if programme.catchment is Catchment.NATION:
        return programme.modality, None, None
    if programme.catchment is Catchment.REGION:
        return programme.modality, programme.region_id, None
    return programme.modality, None, programme.settlement_id


def _may_accept(terms: Terms) -> ColumnElement[bool]:
    modality, region_id, settlement_id = terms
    named = (literal(";") + _row.modalities + literal(";")).contains(f";{modality};", autoescape=True)
    if region_id is not None:
        return and_(named, _row.region_id == region_id)
    return and_(named, _row.settlement_id == settlement_id) if settlement_id is not None else named
