"""What excludes a kind of child is stored once, and decisions refer to it. The release before still writes its own."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "exclusions",
        sa.Column("digest", sa.String(32), primary_key=True),
        sa.Column("excluded", sa.Text, nullable=False),
    )
    op.add_column("decisions", sa.Column("common", sa.String(32), nullable=True))
