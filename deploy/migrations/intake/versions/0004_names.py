"""Leases and checkpoints are called what they are; an event may be published to several topics."""

from alembic import op

revision = "0004"
down_revision = "0003"

_RENAMED = {"relay_position": "relay_checkpoint", "consumer_position": "consumer_checkpoint", "relay_lease": "lease"}


def upgrade() -> None:
    for old, new in _RENAMED.items():
        op.rename_table(old, new)
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint("uq_outbox_event_id", type_="unique")
        outbox.create_unique_constraint("uq_outbox_event_id", ["event_id", "topic"])
