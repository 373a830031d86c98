"""Notes are in intake, sealed: the history has their ids. Coded details have a column of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """People's text stays, shown to nobody, until intake's `entrypoints.move_notes` has sealed it."""
    op.add_column("history", sa.Column("detail", sa.Text, nullable=True))
    op.add_column("history", sa.Column("note_id", sa.String(36), nullable=True))
    op.execute("UPDATE history SET detail = note, note = NULL WHERE command = 'correct' AND note IS NOT NULL")
