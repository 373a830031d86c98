"""The audit log: chained entries of every read and act, to which the service's own role may only add."""

import sqlalchemy as sa
from alembic import op

from services.kit.sql.append_only import ONLY_INSERT, only_inserts
from services.kit.sql.audit_log import TABLE

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    ids = ("child_id", "referral_id")
    op.create_table(
        TABLE,
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("org", sa.String(64), nullable=False),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("refused", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        *(sa.Column(one, sa.String(36), nullable=True) for one in ids),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("key", sa.String(8), nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    for one in ids:
        op.create_index(f"ix_audit_log_{one}", TABLE, [one])
    for statement in only_inserts(op.get_context().dialect.name, TABLE):
        op.execute(statement)
    if (
        op.get_context().dialect.name == "sqlite"
    ):  # what INSERT OR REPLACE deletes, the table's other triggers do not see
        op.execute(
            "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit "
            "WHEN EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.sequence) "
            "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )
    else:
        op.execute(ONLY_INSERT.format(table="audit"))
