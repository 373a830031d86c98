"""The referrals that one person submitted, or acted on."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text, union_all
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from services.referral.adapters.tables import BY_PEOPLE, HistoryRow, ReferralRow


def worked_on_by(actors: Sequence[str]) -> Any:
    """The condition of referrals: one of `actors`, as histories name them, is in it. Two look-ups in indexes."""
    sent = aliased(ReferralRow)
    submitted: Any = select(sent.id).where(col(sent.submitted_by).in_(actors))
    acted: Any = select(HistoryRow.referral_id).where(text(BY_PEOPLE), col(HistoryRow.actor).in_(actors))
    return col(ReferralRow.id).in_(union_all(submitted, acted))
