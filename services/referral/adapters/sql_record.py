"""The record in SQL, as what capacity is rebuilt from and held against."""

import time
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import RestoredClaim
from services.contracts.vocabulary import CLOSED, ClaimState, Modality, ReferralState
from services.kit.errors import Conflict
from services.kit.sql.database import Database
from services.referral.adapters.capacity_mark import marks, read_mark
from services.referral.adapters.rows import read_candidates
from services.referral.adapters.tables import (
    CenterRow,
    DecisionRow,
    OfferRow,
    ProgrammeRow,
    ReferralRow,
    outbox,
)
from services.referral.domain.audit import Recorded

LEASE_MS = 5_000
STEWARD = "steward"


def _table(model: type) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


_referrals, _decisions, _offers = map(_table, (ReferralRow, DecisionRow, OfferRow))
_leases = outbox.leases
_PLACES = {
    ReferralState.OFFERED: ClaimState.HELD,
    ReferralState.ACCEPTED: ClaimState.HELD,
    ReferralState.ADMITTED: ClaimState.OCCUPIED,
    ReferralState.WAITING: ClaimState.WAITING,
}


class SqlRecord:
    """The steward's Record, and the audit's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mark(self) -> DataVersion | None:
        return await self._database.read(read_mark)

    async def take_lease(self, owner: str, name: str = STEWARD, milliseconds: int = LEASE_MS) -> bool:
        """Take or prolong the lease called `name`."""
        try:
            return await self._database.write(lambda session: _lease(session, name, owner, milliseconds))
        except IntegrityError:
            return False

    async def give_lease_back(self, owner: str, name: str = STEWARD) -> None:
        mine = delete(_leases).where(_leases.c.name == name, _leases.c.owner == owner)
        await self._database.write(lambda session: session.execute(mine))

    async def begin_epoch(self, owner: str, epoch: str) -> None:
        def work(session: Session) -> None:
            held = select(_leases.c.owner).where(_leases.c.name == STEWARD).with_for_update()
            if session.execute(held).scalar() != owner:
                raise Conflict("another steward rebuilds")
            moved: Any = session.execute(update(marks).values(epoch=epoch, sequence=0))
            if not moved.rowcount:
                session.execute(insert(marks).values(id=1, epoch=epoch, sequence=0))

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise Conflict("another transaction was first") from error

    async def programmes(self) -> Sequence[ProgrammeCapacity]:
        programmes, centers = _table(ProgrammeRow), _table(CenterRow)
        query = select(programmes, centers.c.region_id).join(centers, centers.c.id == programmes.c.center_id)
        found = await self._database.read(lambda session: session.execute(query.order_by(programmes.c.id)).all())
        return [_programme(row) for row in found]

    async def claims(self, after: UUID | None, limit: int) -> Sequence[RestoredClaim]:
        return [one.claim for one in await self.recorded(after, limit)]

    async def recorded(self, after: UUID | None, limit: int) -> Sequence[Recorded]:
        """Open referrals behind `after`, by id, with what each has."""
        query = _with_candidates.where(_referrals.c.state.not_in(CLOSED)).order_by(_referrals.c.id).limit(limit)
        if after:
            query = query.where(_referrals.c.id > str(after))
        return [_recorded(row) for row in await self._rows(query)]

    async def look(self, referral_ids: Collection[UUID]) -> Sequence[Recorded]:
        """These referrals, open or closed; those that are not recorded are left out."""
        query = _with_candidates.where(_referrals.c.id.in_([str(one) for one in referral_ids]))
        return [_recorded(row) for row in await self._rows(query)]

    async def unsent_since(self) -> float | None:
        """How many seconds ago the oldest event was recorded that Kafka has not acknowledged; None without one."""
        oldest = select(func.min(outbox.rows.c.recorded_at)).where(outbox.rows.c.acknowledged_at.is_(None))
        found = await self._database.read(lambda session: session.execute(oldest).scalar())
        return None if found is None else max(0.0, time.time() - found / 1000)

    async def _rows(self, query: Any) -> Sequence[Row[Any]]:
        return await self._database.read(lambda session: session.execute(query).all())


_with_candidates = select(
    _referrals.c.id, _referrals.c.state, _referrals.c.version, _referrals.c.attempt, _referrals.c.rank,
    _referrals.c.programme_id, _decisions.c.candidates, _offers.c.attempt.label("offered"),
).outerjoin(
    _decisions,
    and_(
        _referrals.c.state.in_([ReferralState.WAITING, ReferralState.SUBMITTED]),
        _decisions.c.referral_id == _referrals.c.id,
        _decisions.c.attempt == _referrals.c.attempt,
    ),
).outerjoin(
    _offers,
    and_(
        _referrals.c.state == ReferralState.SUBMITTED,
        _offers.c.referral_id == _referrals.c.id,
        _offers.c.attempt == _referrals.c.attempt,
    ),
)  # fmt: skip


def _recorded(row: Row[Any]) -> Recorded:
    state, programmes = _PLACES.get(ReferralState(row.state), ClaimState.NONE), _waits_for(row)
    if programmes:
        state = ClaimState.WAITING
    elif state in (ClaimState.HELD, ClaimState.OCCUPIED):
        programmes = (row.programme_id,)
    claim = RestoredClaim.model_construct(
        referral_id=UUID(row.id), attempt=row.attempt, state=state, rank=row.rank, programme_ids=programmes
    )
    return Recorded(claim, row.version, ReferralState(row.state))


def _waits_for(row: Row[Any]) -> tuple[str, ...]:
    """The queues in which it stands: while it is looked at again, too, of an attempt that no offer was made of."""
    if row.candidates is None or row.offered is not None:
        return ()
    return tuple(one.programme_id for one in read_candidates(row.candidates))


def _programme(row: Row[Any]) -> ProgrammeCapacity:
    return ProgrammeCapacity(
        programme_id=row.id,
        center_id=row.center_id,
        region_id=row.region_id,
        modality=Modality(row.modality),
        places=row.places,
        suspended=row.suspended,
        confirmed_at=row.confirmed_at,
    )


def _lease(session: Session, name: str, owner: str, milliseconds: int) -> bool:
    now = int(time.time() * 1000)
    values = {"owner": owner, "until": now + milliseconds}
    free = (_leases.c.name == name) & or_(_leases.c.owner == owner, _leases.c.until < now)
    taken: Any = session.execute(update(_leases).where(free).values(values))
    if taken.rowcount:
        return True
    if session.execute(select(_leases.c.name).where(_leases.c.name == name)).first():
        return False
    session.execute(insert(_leases).values(name=name, **values))
    return True
