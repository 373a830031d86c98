"""Who may read a child is asked at the referral service: what followed its events goes."""

from alembic import op

revision = "0008"
down_revision = "0007"

_OF_THE_CONSUMER = ("access", "inbox", "dead_letters", "consumer_checkpoint")


def upgrade() -> None:
    for table in _OF_THE_CONSUMER:
        op.drop_table(table)
