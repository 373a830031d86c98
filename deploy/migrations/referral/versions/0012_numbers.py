"""The short numbers by which people name referrals."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("referrals", sa.Column("number", sa.String(6), nullable=True))
    op.execute(sa.text("UPDATE referrals SET number = upper(substr(id, 31, 6))"))
    op.create_index("ix_referrals_number", "referrals", ["number"])
