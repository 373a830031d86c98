"""Programmes with the use of their places, read from the record in one snapshot."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from services.contracts.vocabulary import Modality, ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.tables import CenterRow, FigureRow, ProgrammeRow, ReferralRow
from services.referral.domain.forecast import Use
from services.referral.ports import Supply

_HAS_A_PLACE = (ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED)
_columns: tuple[Any, ...] = (
    ReferralRow.programme_id, ReferralRow.state, ReferralRow.deadline_at, ReferralRow.admit_on, ReferralRow.admitted_at,
)  # fmt: skip
_uses = select(*_columns).where(col(ReferralRow.state).in_(_HAS_A_PLACE))
"""An offer's deadline is when it must be answered."""
_programmes: Any = (
    select(ProgrammeRow, CenterRow, FigureRow)
    .join(CenterRow, col(CenterRow.id) == ProgrammeRow.center_id)
    .outerjoin(FigureRow, col(FigureRow.programme_id) == ProgrammeRow.id)
    .where(col(ProgrammeRow.closed).is_(False))
    .order_by(col(ProgrammeRow.id))
)
"""Open programmes with center and figure."""


class SqlSupplies:
    """The RecordedSupplies port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Sequence[Supply]:
        return await self._database.read(_read)


def _read(session: Session) -> list[Supply]:
    uses = defaultdict[str, list[Use]](list)
    for programme_id, state, deadline, admit_on, admitted_at in session.connection().execute(_uses):
        uses[programme_id].append(Use(ReferralState(state), deadline, admit_on, admitted_at))
    return [
        _supply(programme, center, figure, uses.get(programme.id, ()))
        for programme, center, figure in session.execute(_programmes)
    ]


def _supply(programme: ProgrammeRow, center: CenterRow, figure: FigureRow | None, uses: Sequence[Use]) -> Supply:
    return Supply(
        programme_id=programme.id,
        center_id=center.id,
        center_name=center.name_en,
        region_id=center.region_id,
        modality=Modality(programme.modality),
        places=figure.places if figure else 0,
        course_days=programme.course_days,
        suspended=bool(figure and figure.suspended),
        confirmed_at=figure.confirmed_at if figure else None,
        uses=tuple(uses),
    )
