"""The record in SQL, as capacity is rebuilt from it and compared with it."""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, case, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.claims import DataVersion, ProgrammeCapacity
from services.contracts.rebuild import RestoredClaim
from services.contracts.vocabulary import ClaimState, ReferralState
from services.kit.errors import Conflict
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from services.referral.adapters.capacity_version import read_version, versions
from services.referral.adapters.sql_referrals import parts
from services.referral.adapters.sql_registry import read_programmes
from services.referral.adapters.tables import OfferRow, QueueEntryRow, ReferralRow, outbox, table
from services.referral.domain.reconciliation import Fingerprints, OpenPosition, Recorded, fingerprint, fingerprint_of

_referrals, _entries, _offers = table(ReferralRow), table(QueueEntryRow), table(OfferRow)
_COLUMNS = (
    _referrals.c.id, _referrals.c.state, _referrals.c.version, _referrals.c.attempt, _referrals.c.rank,
    _referrals.c.programme_id,
)  # fmt: skip
_queues = select(func.aggregate_strings(_entries.c.programme_id, " ")).where(
    _entries.c.referral_id == _referrals.c.id, _entries.c.attempt == _referrals.c.attempt
)
_OUTLINE = (
    _referrals.c.id, _referrals.c.state, _referrals.c.attempt, _referrals.c.rank, _referrals.c.programme_id,
    case((_referrals.c.state == ReferralState.WAITING, _queues.scalar_subquery())).label("queues"),
)  # fmt: skip
"""What tells a claim, with the names of all its queues in one value."""
_CLAIMS = {
    ReferralState.OFFERED: ClaimState.HELD,
    ReferralState.ACCEPTED: ClaimState.HELD,
    ReferralState.ADMITTED: ClaimState.OCCUPIED,
    ReferralState.WAITING: ClaimState.WAITING,
}
_IN_QUEUES = (ReferralState.WAITING, ReferralState.SUBMITTED)
"""A child who is reviewed while waiting stands in the queues until the next attempt."""
_ORDER = (
    ReferralState.OFFERED, ReferralState.WAITING, ReferralState.UNPLACEABLE, ReferralState.ACCEPTED,
    ReferralState.ADMITTED, ReferralState.NO_SHOW, ReferralState.SUBMITTED,
)  # fmt: skip
"""The open states as they are paged: no step leads from a later one to an earlier one that takes no new claim."""


class SqlRecord:
    """The record for the rebuild and the reconciliation."""

    def __init__(self, database: Database, lease: Lease) -> None:
        self._database, self.lease = database, lease

    async def data_version(self) -> DataVersion | None:
        return await self._database.read(read_version)

    async def begin_epoch(self, epoch: str) -> None:
        def work(session: Session) -> None:
            self.lease.require(session)
            moved: Any = session.execute(update(versions).values(epoch=epoch, sequence=0))
            if not moved.rowcount:
                session.execute(insert(versions).values(id=1, epoch=epoch, sequence=0))

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise Conflict("another transaction was first") from error

    async def programmes(self) -> Sequence[ProgrammeCapacity]:
        return await self._database.read(read_programmes)

    async def open_referrals(self, after: OpenPosition | None, limit: int) -> Sequence[Recorded]:
        """Up to `limit` open referrals behind `after`, by state and id, with their claims."""
        return await self._database.read(lambda session: _recorded(session, _open(session, _COLUMNS, after, limit)))

    async def fingerprints(self, after: OpenPosition | None, limit: int) -> Fingerprints:
        """Of the claims of up to `limit` open referrals behind `after`, by state and id."""

        def work(session: Session) -> Fingerprints:
            found: list[Any] = _open(session, _OUTLINE, after, limit)
            submitted = [id for id, state, *_ in found if state == ReferralState.SUBMITTED]
            whole = _recorded(session, _by_id(session, submitted)) if submitted else ()
            claims = [_fingerprint(*row) for row in found if row[1] != ReferralState.SUBMITTED]
            claims += [(one.claim.referral_id.int, fingerprint(one.claim)) for one in whole]
            last = (ReferralState(found[-1].state), UUID(found[-1].id)) if found else None
            return Fingerprints(claims, last)

        return await self._database.read(work)

    async def lookup(self, referral_ids: Collection[UUID]) -> Sequence[Recorded]:
        """These referrals, open or closed; unknown ones are left out."""

        def work(session: Session) -> Sequence[Recorded]:
            return _recorded(session, _by_id(session, [str(one) for one in referral_ids]))

        return await self._database.read(work)

    async def unsent_for(self) -> float | None:
        """How many seconds the oldest event has been waiting for Kafka; None without one."""
        rows = outbox.rows
        oldest = select(rows.c.recorded_at).where(rows.c.acknowledged_at.is_(None)).order_by(rows.c.sequence).limit(1)
        found = await self._database.read(lambda session: session.execute(oldest).scalar())
        return None if found is None else max(0.0, time.time() - found / 1000)


def _open(session: Session, columns: Sequence[Any], after: OpenPosition | None, limit: int) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for state in _ORDER[_ORDER.index(after[0]) if after else 0 :]:
        query = select(*columns).where(_referrals.c.state == state).order_by(_referrals.c.id)
        if after and state is after[0]:
            query = query.where(_referrals.c.id > str(after[1]))
        found += session.execute(query.limit(limit - len(found))).all()
        if len(found) == limit:
            break
    return found


def _by_id(session: Session, ids: Collection[str]) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for part in parts(list(ids)):
        rows += session.execute(select(*_COLUMNS).where(_referrals.c.id.in_(part))).all()
    return rows


def _fingerprint(
    id: str, state: ReferralState, attempt: int, rank: int, programme_id: str | None, queues: str | None
) -> tuple[int, int]:
    """The referral and the fingerprint of its claim, of a row of _OUTLINE whose state is not `submitted`."""
    claim = _CLAIMS.get(state, ClaimState.NONE)
    waits = claim is ClaimState.WAITING
    programmes = (queues or "").split() if waits else [programme_id or ""]
    return int(id.replace("-", ""), 16), fingerprint_of(claim, attempt, rank if waits else 0, programmes)


def _recorded(session: Session, found: Sequence[Row[Any]]) -> list[Recorded]:
    attempts = {row.id: row.attempt for row in found if row.state in _IN_QUEUES}
    submitted = [row.id for row in found if row.state == ReferralState.SUBMITTED]
    queues = defaultdict[str, list[str]](list)
    entries = select(_entries.c.referral_id, _entries.c.attempt, _entries.c.programme_id)
    for id, attempt, programme_id in _of(session, entries, _entries.c.referral_id, list(attempts)):
        if attempt == attempts[id]:
            queues[id].append(programme_id)
    offers = select(_offers.c.referral_id, _offers.c.attempt)
    for id, attempt in _of(session, offers, _offers.c.referral_id, submitted):
        if attempt == attempts[id]:  # the place was handed over, and the offer has ended
            queues.pop(id, None)
    return [_record(row, queues.get(row.id, ())) for row in found]


def _of(session: Session, query: Select[Any], column: Any, ids: Sequence[str]) -> list[Any]:
    return [row for part in parts(ids) for row in session.execute(query.where(column.in_(part)))]


def _record(row: Row[Any], queues: Sequence[str]) -> Recorded:
    state = _CLAIMS.get(ReferralState(row.state), ClaimState.NONE)
    programmes: tuple[str, ...] = (row.programme_id,) if state in (ClaimState.HELD, ClaimState.OCCUPIED) else ()
    if queues:
        state, programmes = ClaimState.WAITING, tuple(queues)
    claim = RestoredClaim.model_construct(
        referral_id=UUID(row.id), attempt=row.attempt, state=state, rank=row.rank, programme_ids=programmes
    )
    return Recorded(claim, row.version, ReferralState(row.state))
