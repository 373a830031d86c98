"""Rows of lists as plain values: an object a row costs more than the database's work on it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import exists, or_
from sqlmodel import Session, col

from services.contracts.authority import Visibility
from services.referral.adapters.tables import OfferRow, ReferralRow

LISTED = (
    "id", "polyclinic_id", "state", "version", "child_id", "attempt", "priority", "submitted_at", "settlement_id",
    "region_id", "icd10", "gmfcs", "age_months", "modalities", "max_distance_km", "center_id", "programme_id",
    "deadline_at", "admit_on", "admitted_at", "escalated_at", "escalation", "changed_at",
)  # fmt: skip
"""The columns of a referral that a list shows."""
COLUMNS = tuple(ReferralRow.metadata.tables["referrals"].c[name] for name in LISTED)
Values = Mapping[str, Any]
"""By column."""


def read_rows(session: Session, query: Any, given: Mapping[str, Any]) -> Sequence[Any]:
    """By the session's connection: the session itself would handle each row as an object's, for a quarter more."""
    return session.connection().execute(query, given).all()


def values_of(rows: Iterable[Any]) -> list[Values]:
    """Of rows of `COLUMNS`."""
    return [dict(zip(LISTED, row, strict=True)) for row in rows]


def shown(row: Any) -> Values:
    return {name: getattr(row, name) for name in LISTED}


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
