"""Withdrawals of consents."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "consent_withdrawal",
        sa.Column("referral_id", sa.Uuid(), primary_key=True),
        sa.Column("child_id", sa.Uuid(), nullable=False, index=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=False),
    )
