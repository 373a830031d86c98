"""An expiry passes a center over for a time, not for ever; and the day counts in a child's age."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from services.kit.sql.columns import Instant

revision = "0007"
down_revision = "0006"

_WHERE = sa.text("passed_over_until IS NOT NULL")
_PASS_OVER = timedelta(days=14)


def upgrade() -> None:
    op.add_column("offers", sa.Column("passed_over_until", Instant, nullable=True))
    op.add_column("referrals", sa.Column("birth_day", sa.Integer, nullable=True))
    op.create_index("ix_offers_passed_over", "offers", ["center_id"], sqlite_where=_WHERE, postgresql_where=_WHERE)
    _expired()


def _expired() -> None:
    """Who expired in the last 14 days is passed over for the rest of them; every child without a place is reviewed."""
    now = datetime.now(UTC)
    offers = sa.table(
        "offers", *(sa.column(name, Instant) for name in ("answered_at", "passed_over_until")), sa.column("state")
    )
    recent = sa.select(offers.c.answered_at).where(offers.c.state == "expired", offers.c.answered_at > now - _PASS_OVER)
    for moment in op.get_bind().execute(recent.distinct()).scalars().all():
        same = (offers.c.state == "expired") & (offers.c.answered_at == moment)
        op.execute(sa.update(offers).where(same).values(passed_over_until=moment + _PASS_OVER))
    referrals = sa.table("referrals", sa.column("due_at", Instant), sa.column("state"))
    unplaced = referrals.c.state.in_(["waiting", "unplaceable"]) & (referrals.c.due_at > now)
    op.execute(sa.update(referrals).where(unplaced).values(due_at=now))
