"""Programmes with the use of their places, read from the record in one snapshot."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from services.contracts.vocabulary import Modality, ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.tables import CenterRow, FigureRow, ProgrammeRow, ReferralRow
from services.referral.domain.forecast import Use
from services.referral.ports import Supply, Wanted

_HAS_A_PLACE = (ReferralState.OFFERED, ReferralState.ACCEPTED, ReferralState.ADMITTED)
_columns: tuple[Any, ...] = (
    ReferralRow.programme_id, ReferralRow.state, ReferralRow.deadline_at, ReferralRow.admit_on, ReferralRow.admitted_at,
)  # fmt: skip


class SqlSupplies:
    """The Supplies port."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, programme_ids: Collection[str]) -> Mapping[str, Supply]:
        query = _programmes().where(col(ProgrammeRow.id).in_(programme_ids))
        found = await self._database.read(lambda session: _supplies(session, query))
        return {one.programme_id: one for one in found}

    async def listed(self, wanted: Wanted, after: str | None, limit: int) -> Sequence[Supply]:
        query = _programmes().order_by(col(ProgrammeRow.id)).limit(limit)
        if wanted.center_id is not None:
            query = query.where(ProgrammeRow.center_id == wanted.center_id)
        if wanted.region_id is not None:
            query = query.where(CenterRow.region_id == wanted.region_id)
        if wanted.programme_id is not None:
            query = query.where(ProgrammeRow.id == wanted.programme_id)
        if after is not None:
            query = query.where(col(ProgrammeRow.id) > after)
        return await self._database.read(lambda session: _supplies(session, query))


def _programmes() -> Any:
    """Open programmes with center and figure."""
    joined = select(ProgrammeRow, CenterRow, FigureRow).join(CenterRow, col(CenterRow.id) == ProgrammeRow.center_id)
    joined = joined.outerjoin(FigureRow, col(FigureRow.programme_id) == ProgrammeRow.id)
    return joined.where(col(ProgrammeRow.closed).is_(False))


def _supplies(session: Session, query: Any) -> list[Supply]:
    rows = session.execute(query).all()
    uses = _uses(session, {one.id for one, *_ in rows}, {one.id for _, one, _ in rows})
    return [_supply(programme, center, figure, uses.get(programme.id, ())) for programme, center, figure in rows]


def _uses(session: Session, programmes: Collection[str], centers: Collection[str]) -> dict[str, list[Use]]:
    """By programme. The centers are named for the index; an offer's deadline is when it must be answered."""
    here = col(ReferralRow.center_id).in_(centers) & col(ReferralRow.programme_id).in_(programmes)
    found: dict[str, list[Use]] = {}
    query: Any = select(*_columns).where(here, col(ReferralRow.state).in_(_HAS_A_PLACE))
    for programme_id, state, deadline, admit_on, admitted_at in session.execute(query):
        use = Use(ReferralState(state), deadline, admit_on, admitted_at)
        found.setdefault(programme_id, []).append(use)
    return found


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
