"""How to call and find a center."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("centers", sa.Column("phone", sa.String(40), nullable=True))
    op.add_column("centers", sa.Column("address", sa.String(300), nullable=True))
