"""The whole life: when the sweep must look, the agreed day, the admission, and the operators' worklist."""

import sqlalchemy as sa
from alembic import op

from services.kit.sql.columns import Instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("admit_on", sa.Date(), nullable=True),
        sa.Column("admitted_at", Instant(), nullable=True),
        sa.Column("escalated_at", Instant(), nullable=True),
        sa.Column("escalation", sa.String(length=40), nullable=True),
    ):
        op.add_column("referrals", column)
    _take_over()
    op.drop_index("ix_referrals_deadline", "referrals")
    for name in ("due", "escalated"):
        condition = sa.text(f"{name}_at IS NOT NULL")
        columns = [f"{name}_at", "id"]
        op.create_index(
            f"ix_referrals_{name}", "referrals", columns, sqlite_where=condition, postgresql_where=condition
        )


def _take_over() -> None:
    """What is open is looked at when its deadline comes; who is unplaceable has been on the worklist since then."""
    op.execute("UPDATE referrals SET due_at = deadline_at WHERE state NOT IN ('completed', 'cancelled')")
    op.execute(
        "UPDATE referrals SET escalated_at = deadline_at, escalation = 'unplaceable' WHERE state = 'unplaceable'"
    )
