"""Who waits or could not be placed, and may be welcome at a programme: as little as its row allows is read."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, literal, or_, select
from sqlmodel import Session

from services.contracts.vocabulary import Catchment, Gmfcs, Modality, Priority, ReferralState
from services.referral.adapters import rows
from services.referral.adapters.tables import OfferRow, ReferralRow
from services.referral.domain.keeping import REVIEWED
from services.referral.domain.programmes import Needs, Programme
from services.referral.domain.referral import Offer
from services.referral.ports import PASSED, Seeker, passed_by

_referrals: Table = ReferralRow.__table__  # type: ignore[attr-defined]
_offers: Table = OfferRow.__table__  # type: ignore[attr-defined]
_row = _referrals.c
_READ = (
    _row.id, _row.attempt, _row.rank, _row.state, _row.age_months, _row.settlement_id, _row.region_id, _row.icd10,
    _row.gmfcs, _row.modalities, _row.max_distance_km, _row.priority, _row.submitted_at,
)  # fmt: skip
NONE = frozenset[str]()


def seek(session: Session, programmes: Collection[Programme]) -> list[Seeker]:
    """As the port says; from one snapshot. There may be tens of thousands: a row is not read whole."""
    wanted = and_(_row.state.in_(REVIEWED), or_(*map(_may_go, set(map(_terms, programmes)))))
    of_them = and_(_offers.c.referral_id.in_(select(_row.id).where(wanted)), _offers.c.state.in_(PASSED))
    failed = defaultdict[str, list[Offer]](list)
    offers: Iterable[Any] = session.execute(select(_offers).where(of_them))
    for offer in offers:
        failed[offer.referral_id].append(rows.offer_of(offer))
    named: dict[str, frozenset[Modality]] = {}
    return [_seeker(row, named, failed.get(row[0], ())) for row in session.execute(select(*_READ).where(wanted))]


def _seeker(row: Any, named: dict[str, frozenset[Modality]], failed: Sequence[Offer]) -> Seeker:
    id, attempt, rank, state, age, settlement, region, icd10, gmfcs, listed, farthest, priority, submitted_at = row
    modalities = named.get(listed) or named.setdefault(listed, rows.modalities_of(listed))
    needs = Needs(
        age, settlement, region, icd10, gmfcs and Gmfcs(gmfcs), modalities, farthest, Priority(priority), submitted_at
    )
    return Seeker(UUID(id), attempt, rank, state == ReferralState.WAITING, needs, passed_by(failed) if failed else NONE)


Terms = tuple[str, str | None, str | None]
"""Modality; the region, or the settlement, that a child must be at home in."""


def _terms(programme: Programme) -> Terms:
    if programme.catchment is Catchment.NATION:
        return programme.modality, None, None
    if programme.catchment is Catchment.REGION:
        return programme.modality, programme.region_id, None
    return programme.modality, None, programme.settlement_id


def _may_go(terms: Terms) -> ColumnElement[bool]:
    modality, region_id, settlement_id = terms
    named = (literal(";") + _row.modalities + literal(";")).contains(f";{modality};", autoescape=True)
    if region_id is not None:
        return and_(named, _row.region_id == region_id)
    return and_(named, _row.settlement_id == settlement_id) if settlement_id is not None else named
