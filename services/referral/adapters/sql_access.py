"""Who has which referral now, straight from the record."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from services.contracts.access import MAY_READ, ReferralAccess
from services.contracts.vocabulary import ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.tables import HistoryRow, ReferralRow, table

_referrals, _history = table(ReferralRow), table(HistoryRow)
_last = (_history.c.referral_id == _referrals.c.id) & (_history.c.version == _referrals.c.version)
"""A version is made by the step of that number."""
_QUESTION = select(
    _referrals.c.id, _referrals.c.version, _referrals.c.state, _referrals.c.center_id, _history.c.at
).outerjoin(_history, _last)


class SqlAccess:
    """The question is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, referral_ids: Collection[UUID]) -> list[ReferralAccess]:
        """Those that are in the record, in no order."""
        query = _QUESTION.where(_referrals.c.id.in_([str(one) for one in referral_ids]))
        rows = await self._database.read_shortly(lambda session: session.execute(query).all())
        return [
            ReferralAccess(
                referral_id=UUID(id), version=version, state=ReferralState(state),
                center_id=center_id if state in MAY_READ else None, last_act_at=at,
            )
            for id, version, state, center_id, at in rows
        ]  # fmt: skip
