"""What each programme has and who has its places, read from the record in one snapshot."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from services.contracts.vocabulary import Modality, ReferralState
from services.kit.sql.database import Database
from services.referral.adapters.tables import CenterRow, ProgrammeRow, ReferralRow
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
    return select(ProgrammeRow, CenterRow).join(CenterRow, col(CenterRow.id) == ProgrammeRow.center_id)


def _supplies(session: Session, query: Any) -> list[Supply]:
    rows = session.execute(query).all()
    uses = _uses(session, {one.id for one, _ in rows}, {one.id for _, one in rows})
    return [_supply(programme, center, uses.get(programme.id, ())) for programme, center in rows]


def _uses(session: Session, programmes: Collection[str], centers: Collection[str]) -> dict[str, list[Use]]:
    """By programme. The centers are named for the index; an offer's deadline is when it must be answered."""
    here = col(ReferralRow.center_id).in_(centers) & col(ReferralRow.programme_id).in_(programmes)
    found: dict[str, list[Use]] = {}
    query: Any = select(*_columns).where(here, col(ReferralRow.state).in_(_HAS_A_PLACE))
    for programme_id, state, deadline, admit_on, admitted_at in session.execute(query):
        use = Use(ReferralState(state), deadline, admit_on, admitted_at)
        found.setdefault(programme_id, []).append(use)
    return found


def _supply(programme: ProgrammeRow, center: CenterRow, uses: Sequence[Use]) -> Supply:
    return Supply(
        programme_id=programme.id,
        center_id=center.id,
        center_name=center.name_en,
        region_id=center.region_id,
        modality=Modality(programme.modality),
        places=programme.places,
        course_days=programme.course_days,
        suspended=programme.suspended,
        confirmed_at=programme.confirmed_at,
        uses=tuple(uses),
    )
