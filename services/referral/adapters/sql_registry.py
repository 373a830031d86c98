"""The registry of centers and programmes in SQL."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from services.contracts import topics
from services.contracts.claims import ProgrammeOpening
from services.contracts.events import CenterRegisteredV1, PlacesSetV1, write_event
from services.contracts.reference import Settlement
from services.contracts.vocabulary import Modality
from services.kit.errors import Conflict
from services.kit.sql.database import Database
from services.kit.sql.outbox import Message
from services.referral.adapters.capacity_mark import hold_epoch
from services.referral.adapters.geodesic import GeodesicDistances
from services.referral.adapters.rows import programme_of
from services.referral.adapters.tables import CenterRow, ProgrammeRow, RegistryVersionRow, inbox, outbox
from services.referral.domain.network import FOR_EVER, Network
from services.referral.domain.staleness import WEEK, Staleness
from services.referral.ports import Clock

SOURCE = "/joldama/referral"
T = TypeVar("T")


class SqlRegistry:
    """Remembers the network it read until the registry's version moves on, or until a figure in it would be stale.

    A confirmation alone moves no version unless the figure was stale: so what looks stale is read again, once.
    """

    def __init__(
        self,
        database: Database,
        settlements: Mapping[str, Settlement],
        clock: Clock,
        staleness: Staleness = WEEK,
    ) -> None:
        self._database, self._settlements, self._clock = database, settlements, clock
        self._staleness = staleness
        self._network = Network(-1, {}, settlements, GeodesicDistances({}))

    async def network(self) -> Network:
        self._network = await self._database.read(self._read)
        return self._network

    def _read(self, session: Session) -> Network:
        version, now = _version(session), self._clock()
        if version == self._network.version and now <= self._network.good_until:
            return self._network
        # Programmes before centers: a programme saved between the two readings would have no center.
        offered = session.scalars(select(ProgrammeRow)).all()
        centers = {row.id: row for row in session.scalars(select(CenterRow))}
        programmes = {row.id: programme_of(row, centers) for row in offered}
        places = {one.id: (one.latitude, one.longitude) for one in centers.values()}
        fresh_until = (self._staleness.stale_from(one.confirmed_at) for one in offered)
        good_until = min((one for one in fresh_until if one >= now), default=FOR_EVER)
        return Network(version, programmes, self._settlements, GeodesicDistances(places), self._staleness, good_until)

    async def openings(self, programme_ids: Collection[str]) -> Sequence[ProgrammeOpening]:
        def work(session: Session) -> Sequence[ProgrammeOpening]:
            query = select(ProgrammeRow, CenterRow).join(CenterRow, col(CenterRow.id) == ProgrammeRow.center_id)
            wanted = query.where(col(ProgrammeRow.id).in_(programme_ids)).order_by(col(ProgrammeRow.id))
            return [_opening(row, center) for row, center in session.execute(wanted)]

        return await self._database.read(work)

    async def set_figures(self, consumer: str, figures: Mapping[str, PlacesSetV1]) -> None:
        def work(session: Session) -> None:
            unseen = inbox.unseen(session, consumer, figures.keys())
            taken = [self._set_figure(session, figures[event_id]) for event_id in figures if event_id in unseen]
            inbox.record(session, consumer, unseen)
            if any(taken):
                _next_version(session)
            if changed := [one for one in taken if one and one.changed]:
                epoch = hold_epoch(session)
                told = dict.fromkeys(one.center_id for one in changed if one.must_be_told(epoch))
                outbox.add(session, [self._registered(_next_entry(session, center)) for center in told])

        await self._write(work)

    def _set_figure(self, session: Session, figure: PlacesSetV1) -> "_Taken | None":
        """Take the figure over; None when the network is the same afterwards."""
        row = session.get(ProgrammeRow, figure.programme_id, with_for_update=True)
        if row is None or row.confirmed_at > figure.confirmed_at:
            return None
        changed = (row.places, row.suspended) != (figure.places, figure.suspended)
        was_stale = self._staleness.is_stale(row.confirmed_at, figure.confirmed_at)
        row.places, row.suspended, row.confirmed_at = figure.places, figure.suspended, figure.confirmed_at
        session.add(row)
        return _Taken(row.center_id, changed, figure.epoch) if changed or was_stale else None

    async def put_center(self, center: CenterRow, programmes: Sequence[ProgrammeRow]) -> int:
        """Register a center, or change its entry: its version afterwards. An unchanged entry changes nothing."""

        def work(session: Session) -> int:
            known = session.get(CenterRow, center.id, with_for_update=True)
            before = {one.id: session.get(ProgrammeRow, one.id, with_for_update=True) for one in programmes}
            if any(one and one.center_id != center.id for one in before.values()):
                raise Conflict("a programme has just become another center's")
            if known and _entry(known, before.values()) == _entry(center, programmes):
                return known.version
            center.version = known.version + 1 if known else 1
            session.merge(center)
            session.flush()
            for programme in programmes:
                programme.confirmed_at = _confirmed(programme, before[programme.id], self._clock())
                session.merge(programme)
            _next_version(session)
            outbox.add(session, [self._registered(center)])
            return center.version

        return await self._write(work)

    async def _write(self, work: Callable[[Session], T]) -> T:
        try:
            return await self._database.write(work)
        except IntegrityError as error:
            raise Conflict("another transaction was first") from error

    def _registered(self, center: CenterRow) -> Message:
        event = CenterRegisteredV1(center_id=center.id, version=center.version)
        event_id = str(uuid5(NAMESPACE_URL, f"joldama:center:{center.id}:{center.version}"))
        payload = write_event(event, event_id=event_id, source=SOURCE, time=self._clock())
        return Message(event_id, topics.REFERRALS, event.key, payload)


def _entry(center: CenterRow, programmes: Iterable[ProgrammeRow | None]) -> tuple[Any, ...]:
    """What an operator says of a center, without what the registry adds."""
    return center.model_dump(exclude={"version"}), [
        one.model_dump(exclude={"confirmed_at"}) if one else None for one in programmes
    ]


def _confirmed(programme: ProgrammeRow, before: ProgrammeRow | None, now: datetime) -> datetime:
    """An entry that repeats a figure does not confirm it: the center's own, on its way from capacity, is newer.

    Another figure is newer than the one before it, also when the clock was put back meanwhile.
    """
    if before is None:
        return now
    if (before.places, before.suspended) == (programme.places, programme.suspended):
        return before.confirmed_at
    return max(now, before.confirmed_at + timedelta(milliseconds=1))


def _opening(row: ProgrammeRow, center: CenterRow) -> ProgrammeOpening:
    return ProgrammeOpening(
        programme_id=row.id,
        center_id=row.center_id,
        region_id=center.region_id,
        modality=Modality(row.modality),
        places=row.places,
        suspended=row.suspended,
        confirmed_at=row.confirmed_at,
    )


@dataclass(frozen=True, slots=True)
class _Taken:
    """A figure that was taken over: a new one (`changed`), or a stale one that was confirmed."""

    center_id: str
    changed: bool
    epoch: str

    def must_be_told(self, now: str | None) -> bool:
        """A figure that capacity lost before it was recorded here is to come back to it."""
        return now is not None and now != self.epoch


def _next_entry(session: Session, center_id: str) -> CenterRow:
    center = session.get_one(CenterRow, center_id, with_for_update=True)
    center.version += 1
    session.add(center)
    return center


def _version(session: Session) -> int:
    row = session.get(RegistryVersionRow, 1)
    return row.version if row else 0


def _next_version(session: Session) -> None:
    table: Any = RegistryVersionRow.__table__  # type: ignore[attr-defined]
    raised: Any = session.execute(update(table).values(version=table.c.version + 1))
    if not raised.rowcount:
        session.add(RegistryVersionRow(id=1, version=1))
