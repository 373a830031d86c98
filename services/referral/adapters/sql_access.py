"""Who has which referral now, straight from the record."""

from collections.abc import Collection
from uuid import UUID

from sqlmodel import col, select

from services.contracts.access import MAY_READ, ReferralAccess
from services.contracts.vocabulary import ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.tables import ReferralRow


class SqlAccess:
    """The question is one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, referral_ids: Collection[UUID]) -> list[ReferralAccess]:
        """Those that are in the record, in no order."""
        columns = select(ReferralRow.id, ReferralRow.version, ReferralRow.state, ReferralRow.center_id)
        query = columns.where(col(ReferralRow.id).in_([str(one) for one in referral_ids]))
        rows = await self._database.read(lambda session: session.exec(query).all())
        return [
            ReferralAccess(
                referral_id=UUID(id), version=version, state=ReferralState(state),
                center_id=center_id if state in MAY_READ else None,
            )
            for id, version, state, center_id in rows
        ]  # fmt: skip
