"""Versions of children and diagnoses, what a correction found and left in the audit, and likenesses of new ones."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for table in ("child", "diagnosis"):
        op.add_column(table, sa.Column("version", sa.Integer, nullable=False, server_default="1"))
    op.add_column("child", sa.Column("joined_into", sa.Uuid, nullable=True))
    op.add_column("diagnosis", sa.Column("changed_at", sa.BigInteger, nullable=True))
    op.add_column("diagnosis", sa.Column("open_likeness", sa.LargeBinary, nullable=True))
    op.create_index("ix_diagnosis_open_likeness", "diagnosis", ["open_likeness"])
    for column in ("sealed_before", "sealed_after"):
        op.add_column("audit", sa.Column(column, sa.LargeBinary, nullable=True))
