"""A key a child, known versions of keys, and erasure; what corrections found and left is not in the audit any more."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOVE = """
INSERT INTO corrected_data (corrected_at, child_id, referral_id, sealed_before, sealed_after)
SELECT read_at, child_id, referral_id, sealed_before, sealed_after FROM audit
WHERE sealed_before IS NOT NULL AND sealed_after IS NOT NULL ORDER BY sequence
"""


def upgrade() -> None:
    op.create_table(
        "child_key",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "key_version",
        sa.Column("purpose", sa.String(16), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("check_value", sa.LargeBinary, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    for table, column in (("child", "index_version"), ("diagnosis", "likeness_version"), ("answered", "key_version")):
        op.add_column(table, sa.Column(column, sa.Integer, nullable=False, server_default="0"))
    op.add_column("child", sa.Column("erased_at", sa.BigInteger, nullable=True))
    _move_corrected_data()


def _move_corrected_data() -> None:
    op.create_table(
        "corrected_data",
        sa.Column("sequence", _BIG, primary_key=True, autoincrement=True),
        sa.Column("corrected_at", sa.BigInteger, nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False, index=True),
        sa.Column("referral_id", sa.Uuid, nullable=False),
        sa.Column("sealed_before", sa.LargeBinary, nullable=False),
        sa.Column("sealed_after", sa.LargeBinary, nullable=False),
    )
    op.execute(_MOVE)
    for column in ("sealed_before", "sealed_after"):
        op.drop_column("audit", column)
