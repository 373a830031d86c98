"""Figures and queue entries are tables of their own; leases, checkpoints and data versions are called what they are."""

import json

import sqlalchemy as sa
from alembic import op

from services.kit.sql.columns import Instant

revision = "0005"
down_revision = "0004"

_RENAMED = {
    "relay_position": "relay_checkpoint",
    "consumer_position": "consumer_checkpoint",
    "relay_lease": "lease",
    "capacity_mark": "capacity_version",
}


def upgrade() -> None:
    for old, new in _RENAMED.items():
        op.rename_table(old, new)
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint("uq_outbox_event_id", type_="unique")
        outbox.create_unique_constraint("uq_outbox_event_id", ["event_id", "topic"])
    _figures()
    _queue_entries()
    _routing()
    lost = sa.text(
        "state NOT IN ('completed', 'cancelled') AND (deadline_at IS NULL OR due_at IS NULL"
        " OR (center_id IS NULL AND state IN ('offered', 'accepted', 'admitted')))"
    )
    op.create_index("ix_referrals_lost", "referrals", ["id"], sqlite_where=lost, postgresql_where=lost)


def _figures() -> None:
    op.create_table(
        "figures",
        sa.Column("programme_id", sa.String(64), sa.ForeignKey("programmes.id"), primary_key=True),
        sa.Column("places", sa.Integer, nullable=False),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("confirmed_at", Instant, nullable=False),
        sa.Column("confirmed_by", sa.String(120), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
    )
    op.create_index("ix_figures_serial", "figures", ["serial"])
    op.add_column("registry_version", sa.Column("figures", sa.Integer, nullable=False, server_default="1"))
    op.execute(
        "INSERT INTO figures (programme_id, places, suspended, confirmed_at, confirmed_by, version, serial)"
        " SELECT id, places, suspended, confirmed_at, 'unknown', 1, 1 FROM programmes"
    )
    for column in ("places", "suspended", "confirmed_at"):
        op.execute(f"ALTER TABLE programmes DROP COLUMN {column}")
    op.add_column("programmes", sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("centers", sa.Column("opened", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE centers SET opened = version")


def _queue_entries() -> None:
    entries = op.create_table(
        "queue_entries",
        sa.Column("referral_id", sa.String(36), sa.ForeignKey("referrals.id"), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("programme_id", sa.String(64), primary_key=True),
        sa.Column("since", Instant, nullable=False),
        sa.Column("reason", sa.String(10), nullable=False),
    )
    op.create_index("ix_queue_entries_programme", "queue_entries", ["programme_id", "referral_id"])
    waiting = sa.text(
        "SELECT d.referral_id, d.attempt, d.at, d.candidates FROM decisions d"
        " JOIN referrals r ON r.id = d.referral_id AND r.attempt = d.attempt"
        " LEFT JOIN offers o ON o.referral_id = d.referral_id AND o.attempt = d.attempt"
        " WHERE r.state IN ('waiting', 'submitted') AND o.referral_id IS NULL"
    ).columns(at=Instant)
    for row in op.get_bind().execute(waiting).all():
        values = {"referral_id": row.referral_id, "attempt": row.attempt, "since": row.at, "reason": "decided"}
        programmes = [one[0] for one in json.loads(row.candidates)]
        if programmes:
            op.bulk_insert(entries, [values | {"programme_id": one} for one in programmes])


def _routing() -> None:
    """The worker reads `routing.v1` from now on: the events of referrals with the router, and of centers, are published
    there too. All else that it might have missed is void: capacity is rebuilt from the record."""
    op.execute(
        "INSERT INTO outbox (event_id, topic, key, payload, recorded_at)"
        " SELECT o.event_id, 'routing.v1', o.key, o.payload, o.recorded_at FROM outbox o"
        " LEFT JOIN referrals r ON r.id = o.key"
        " WHERE o.topic = 'referrals.v1' AND (r.id IS NULL OR r.state = 'submitted') ORDER BY o.sequence"
    )
