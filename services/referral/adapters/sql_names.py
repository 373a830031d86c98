"""Whether an id is in the record, and what is there instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from services.contracts.authority import Visibility
from services.contracts.near_matches import Named
from services.kit.sql.database import Database
from services.referral.adapters.sql_lists import visible
from services.referral.adapters.tables import CenterRow, ProgrammeRow, ReferralRow

EVERYTHING = Visibility(everything=True)
_NAMES = (CenterRow.name_kk, CenterRow.name_ru, CenterRow.name_en)
_of_a_center: Any = select(CenterRow.id, *_NAMES)
_of_a_programme: Any = (
    select(ProgrammeRow.id, *_NAMES)
    .join(CenterRow, col(CenterRow.id) == ProgrammeRow.center_id)
    .where(col(ProgrammeRow.closed).is_(False))
)


class SqlNames:
    """Ids by the query parameter that names them. `regions` are all there are."""

    def __init__(self, database: Database, regions: Sequence[Named]) -> None:
        self._database, self._regions = database, {one.id: one for one in regions}

    async def known_instead(
        self, parameter: str, id: str, visibility: Visibility = EVERYTHING
    ) -> Sequence[Named] | None:
        """None when `id` is there; else all that are. A polyclinic is there by a referral that is visible."""
        if parameter in ("region", "region_id"):
            return None if id in self._regions else list(self._regions.values())
        query, column = _queries(visibility)[parameter]

        def work(session: Session) -> Sequence[Named] | None:
            if session.execute(query.where(column == id).limit(1)).first():
                return None
            return [Named(one, tuple(names)) for one, *names in session.execute(query.distinct())]

        return await self._database.read(work)


def _queries(visibility: Visibility) -> Mapping[str, tuple[Any, Any]]:
    return {
        "center_id": (_of_a_center, col(CenterRow.id)),
        "programme_id": (_of_a_programme, col(ProgrammeRow.id)),
        "polyclinic_id": (visible(select(ReferralRow.polyclinic_id), visibility), col(ReferralRow.polyclinic_id)),
    }
