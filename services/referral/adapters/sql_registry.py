"""The registry of centers, programmes and figures in SQL."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Select, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from services.contracts.claims import ProgrammeCapacity, ProgrammeOpening
from services.contracts.events import CenterRegisteredV1, FigureSetV1, Payload, write_event
from services.contracts.reference import Settlement
from services.contracts.vocabulary import Modality
from services.kit import tracing
from services.kit.errors import Conflict
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.database import Database
from services.kit.versions import Expected
from services.referral.adapters.geodesic import GeodesicDistances
from services.referral.adapters.rows import figure_of, programme_of, programme_row
from services.referral.adapters.tables import CenterRow, FigureRow, ProgrammeRow, RegistryVersionRow, outbox, table
from services.referral.domain.network import Network
from services.referral.domain.programmes import Figure
from services.referral.domain.registration import InvalidRegistration, Registration, UnknownProgramme
from services.referral.domain.staleness import WEEK, Staleness
from services.referral.ports import Clock

SOURCE = "/joldama/referral"
TRIES = 5
"""How often a transaction that met another one runs again."""
T = TypeVar("T")
_VERSIONS = select(table(RegistryVersionRow).c.version, table(RegistryVersionRow).c.figures)
"""Of the one row; read for each batch."""


class SqlRegistry:
    """Caches the network: programmes until the registry's version moves on, figures one by one as they are set."""

    def __init__(
        self, database: Database, settlements: Mapping[str, Settlement], clock: Clock, staleness: Staleness = WEEK
    ) -> None:
        self._database, self._settlements, self._clock = database, settlements, clock
        self._distances = GeodesicDistances({})
        self._network, self._figures = Network(-1, {}, {}, settlements, self._distances, staleness), 0
        self._reading = asyncio.Lock()

    async def network(self) -> Network:
        async with self._reading:  # each reading goes on from the one before
            self._network, self._figures, self._distances = await self._database.read(self._read)
            return self._network

    def _read(self, session: Session) -> tuple[Network, int, GeodesicDistances]:
        network, distances = self._network, self._distances
        version, serial = session.execute(_VERSIONS).first() or (0, 0)
        if version != network.version:
            offered = session.scalars(select(ProgrammeRow).where(col(ProgrammeRow.closed).is_(False))).all()
            centers = {row.id: row for row in session.scalars(select(CenterRow))}
            programmes = {row.id: programme_of(row, centers[row.center_id]) for row in offered}
            distances = distances.moved({one.id: (one.latitude, one.longitude) for one in centers.values()})
            figures = network.figures
            network = Network(version, programmes, figures, self._settlements, distances, network.staleness)
        if serial != self._figures:
            set_since = select(FigureRow).where(col(FigureRow.serial) > self._figures)
            newer = {row.programme_id: figure_of(row, "") for row in session.scalars(set_since)}
            network = network.with_figures({**network.figures, **newer})
        return network, serial, distances

    async def openings(
        self, *, center_ids: Collection[str] = (), programme_ids: Collection[str] = ()
    ) -> Sequence[ProgrammeOpening]:
        wanted = col(ProgrammeRow.center_id).in_(center_ids) | col(ProgrammeRow.id).in_(programme_ids)
        opens = bool(center_ids)
        found = await self._database.read(lambda session: read_programmes(session, _programmes().where(wanted), opens))
        return [ProgrammeOpening(**one.model_dump()) for one in found]

    async def mark_opened(self, versions: Mapping[str, int]) -> None:
        def work(session: Session) -> None:
            for center_id, version in versions.items():
                before = (col(CenterRow.id) == center_id) & (col(CenterRow.opened) < version)
                before &= col(CenterRow.version) >= version  # else it is no event of this record
                session.execute(update(CenterRow).where(before).values(opened=version))

        await self._database.write(work)

    async def find_figure(self, center_id: str, programme_id: str) -> Figure | None:
        """The figure, or None when none was ever set; raises UnknownProgramme."""

        def work(session: Session) -> Figure | None:
            _open_programme(session, center_id, programme_id)
            row = session.get(FigureRow, programme_id)
            return figure_of(row, center_id) if row else None

        return await self._database.read(work)

    async def set_figure(
        self, center_id: str, programme_id: str, places: int, suspended: bool | None, by: str, expected: Expected
    ) -> Figure:
        """The figure afterwards, confirmed now. Raises UnknownProgramme and VersionMoved."""

        def work(session: Session) -> Figure:
            _open_programme(session, center_id, programme_id)
            before = session.get(FigureRow, programme_id, with_for_update=True)
            expected.check(before.version if before else None)
            row = session.merge(FigureRow(
                programme_id=programme_id, places=places, confirmed_at=self._clock(), confirmed_by=by,
                suspended=before.suspended if before and suspended is None else bool(suspended),
                version=before.version + 1 if before else 1, serial=_next(session, "figures"),
            ))  # fmt: skip
            figure = figure_of(row, center_id)
            event = FigureSetV1(
                center_id=center_id, programme_id=programme_id, places=figure.places, suspended=figure.suspended,
                confirmed_at=figure.confirmed_at, version=figure.version, actor=by,
            )  # fmt: skip
            outbox.add(session, self._messages(event, f"figure:{programme_id}:{figure.version}", figure.confirmed_at))
            return figure

        return await self._write(work)

    async def put_center(self, entry: Registration, expected: Expected) -> int:
        """Register a center, or change its entry: its version afterwards. An unchanged entry changes nothing.

        A programme that is left out is closed. Raises InvalidRegistration and VersionMoved.
        """

        def work(session: Session) -> int:
            known = session.get(CenterRow, entry.center.id, with_for_update=True)
            expected.check(known.version if known else None)
            version, opened = (known.version + 1, known.opened) if known else (1, 0)
            center = CenterRow(**entry.center.model_dump(), version=version, opened=opened)
            before = {row.id: row for row in session.scalars(_named(entry))}
            after = {one.id: programme_row(one) for one in entry.programmes}
            _check_taken(entry, before)
            if known and _same(known, center) and _same_programmes(before, after):
                return known.version
            session.merge(center)
            session.flush()
            for row in after.values():
                _bump_figure(session, row.id, changed=row.id in before and before[row.id].closed)
                session.merge(row)
            for row in before.values():
                if row.id not in after and not row.closed:
                    row.closed = True
                    _bump_figure(session, row.id, changed=True)
            _next(session, "version")
            event = CenterRegisteredV1(center_id=center.id, version=center.version)
            outbox.add(session, self._messages(event, f"center:{center.id}:{center.version}", self._clock()))
            return center.version

        return await self._write(work)

    async def _write(self, work: Callable[[Session], T]) -> T:
        for _ in range(TRIES):
            try:
                return await self._database.write(work)
            except (IntegrityError, Conflict):
                continue
        raise Conflict("this entry changes too often just now")

    def _messages(self, event: Payload, name: str, at: datetime) -> list[OutgoingEvent]:
        event_id = str(uuid5(NAMESPACE_URL, f"joldama:{name}"))
        payload = write_event(event, event_id=event_id, source=SOURCE, time=at, traceparent=tracing.current())
        return [OutgoingEvent(topic, event.key, payload, event_id) for topic in event.TOPICS]


def _programmes() -> Any:
    return (
        select(ProgrammeRow, CenterRow, FigureRow)
        .join(CenterRow, col(CenterRow.id) == ProgrammeRow.center_id)
        .outerjoin(FigureRow, col(FigureRow.programme_id) == ProgrammeRow.id)
        .order_by(col(ProgrammeRow.id))
    )


def read_programmes(session: Session, query: Any = None, opens: bool = False) -> list[ProgrammeCapacity]:
    """The programmes as capacity is to store them: without a figure, and when closed, they have no places.

    Nor while the worker has not opened them as their center's entry says now, except to open them (`opens`): a place
    would be given before those who waited for it have joined the queue.
    """
    found = session.execute(_programmes() if query is None else query)
    return [
        ProgrammeCapacity(
            programme_id=row.id,
            center_id=row.center_id,
            region_id=center.region_id,
            modality=Modality(row.modality),
            places=figure.places if figure and not row.closed else 0,
            suspended=bool(figure and figure.suspended),
            confirmed_at=figure.confirmed_at if figure else None,
            version=figure.version if figure else 0,
        )
        for row, center, known in found
        for figure in (known if opens or center.opened >= center.version else None,)
    ]


def _open_programme(session: Session, center_id: str, programme_id: str) -> None:
    row = session.get(ProgrammeRow, programme_id)
    if row is None or row.closed or row.center_id != center_id:
        raise UnknownProgramme


def _named(entry: Registration) -> Select[Any]:
    named = [one.id for one in entry.programmes]
    own = col(ProgrammeRow.center_id) == entry.center.id
    return select(ProgrammeRow).where(own | col(ProgrammeRow.id).in_(named)).with_for_update()


def _check_taken(entry: Registration, before: Mapping[str, ProgrammeRow]) -> None:
    for index, one in enumerate(entry.programmes):
        row = before.get(one.id)
        if row and row.center_id != entry.center.id:
            raise InvalidRegistration(f"programmes.{index}.id", "taken", f"belongs to center {row.center_id}")


def _same(known: CenterRow, center: CenterRow) -> bool:
    return known.model_dump(exclude={"version"}) == center.model_dump(exclude={"version"})


def _same_programmes(before: Mapping[str, ProgrammeRow], after: Mapping[str, ProgrammeRow]) -> bool:
    was, is_now = ({id: row.model_dump() for id, row in rows.items() if not row.closed} for rows in (before, after))
    return was == is_now


def _bump_figure(session: Session, programme_id: str, *, changed: bool) -> None:
    """Capacity applies the higher version: a programme that was closed or opened again has another figure there."""
    figures = table(FigureRow)
    if changed:
        here = figures.c.programme_id == programme_id
        session.execute(update(figures).where(here).values(version=figures.c.version + 1))


def _next(session: Session, counter: str) -> int:
    """The registry's next version, or its next number of a figure."""
    versions = table(RegistryVersionRow)
    column = versions.c[counter]
    raised = session.execute(update(versions).values({counter: column + 1}).returning(column)).scalar()
    if raised is None:
        session.add(RegistryVersionRow(**{"id": 1, "version": 0, "figures": 0, counter: 1}))
        session.flush()
    return raised or 1
