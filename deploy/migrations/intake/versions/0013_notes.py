"""Notes on referrals, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "note",
        sa.Column("note_id", sa.Uuid(), primary_key=True),
        sa.Column("referral_id", sa.Uuid(), nullable=False, index=True),
        sa.Column("child_id", sa.Uuid(), nullable=False, index=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("org", sa.String(64), nullable=False),
        sa.Column("author", sa.String(120), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
