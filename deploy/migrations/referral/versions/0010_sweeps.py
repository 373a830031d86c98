"""What retention has swept."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "sweep",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("swept_at", sa.BigInteger, nullable=False),
    )
