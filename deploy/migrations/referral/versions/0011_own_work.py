"""Who submitted a referral, and indexes by person; nobody is known as who submitted the referrals of before."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_SUBMITTED, _BY_PEOPLE = sa.text("submitted_by IS NOT NULL"), sa.text("actor <> 'router'")


def upgrade() -> None:
    op.add_column("referrals", sa.Column("submitted_by", sa.String(120), nullable=True))
    op.create_index(
        "ix_referrals_submitted_by", "referrals", ["submitted_by"],
        sqlite_where=_SUBMITTED, postgresql_where=_SUBMITTED,
    )  # fmt: skip
    op.create_index(
        "ix_history_actor", "history", ["actor", "referral_id"], sqlite_where=_BY_PEOPLE, postgresql_where=_BY_PEOPLE
    )
