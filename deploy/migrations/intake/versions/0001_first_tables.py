"""The first tables: children, diagnoses, answered keys, access, audit, outbox and inbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _children_and_diagnoses()
    _access_and_audit()
    _outbox_and_inbox()
    for statement in _APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def _children_and_diagnoses() -> None:
    op.create_table(
        "child",
        sa.Column("child_id", sa.Uuid, primary_key=True),
        sa.Column("iin_index", sa.LargeBinary, nullable=True, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "diagnosis",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("child_id", sa.Uuid, sa.ForeignKey("child.child_id"), nullable=False, index=True),
        sa.Column("polyclinic_id", sa.String(64), nullable=False),
        sa.Column("submitted_at", sa.BigInteger, nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("open_iin", sa.LargeBinary, nullable=True, unique=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "answered",
        sa.Column("key_digest", sa.LargeBinary, primary_key=True),
        sa.Column("body_digest", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("referral_id", sa.Uuid, nullable=False),
        sa.Column("answered_at", sa.BigInteger, nullable=False, index=True),
    )


def _access_and_audit() -> None:
    op.create_table(
        "access",
        sa.Column("referral_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("center_id", sa.String(64), nullable=True),
    )
    op.create_table(
        "audit",
        sa.Column("sequence", _BIG, primary_key=True, autoincrement=True),
        sa.Column("read_at", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("org", sa.String(64), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("child_id", sa.Uuid, nullable=False),
        sa.Column("referral_id", sa.Uuid, nullable=False),
    )
    op.create_index("ix_audit_child_id_read_at", "audit", ["child_id", "read_at"])


def _outbox_and_inbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("sequence", _BIG, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(100), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger, nullable=True),
        sa.UniqueConstraint("event_id", name="uq_outbox_event_id"),
    )
    pending = sa.text("acknowledged_at IS NULL")
    op.create_index("ix_outbox_pending", "outbox", ["sequence"], sqlite_where=pending, postgresql_where=pending)
    op.create_table(
        "relay_position",
        sa.Column("topic", sa.String(200), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
    )
    op.create_table(
        "relay_lease",
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(50), primary_key=True),
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("received_at", sa.BigInteger, nullable=False, index=True),
    )


_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
    ],
}
