"""A polyclinic may ask another for a child's open referral."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "transfer",
        sa.Column("transfer_id", sa.Uuid, primary_key=True),
        sa.Column("referral_id", sa.Uuid, nullable=False, index=True),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("holder", sa.String(64), nullable=False, index=True),
        sa.Column("to_polyclinic", sa.String(64), nullable=False, index=True),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("answer_by", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=True),
        sa.Column("decided_by", sa.String(120), nullable=True),
    )
