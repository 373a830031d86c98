"""A referral knows when its data was last corrected, and which version of the data it was."""

import sqlalchemy as sa
from alembic import op

from services.kit.sql.columns import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("referrals", sa.Column("changed_at", Instant, nullable=True))
    op.add_column("referrals", sa.Column("diagnosis_version", sa.Integer, nullable=False, server_default="1"))
