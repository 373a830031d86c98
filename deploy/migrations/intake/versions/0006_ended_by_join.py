"""A referral that ended by a join counts as closed before its event arrives."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("diagnosis", sa.Column("ended_by_join", sa.Boolean, nullable=False, server_default=sa.false()))
