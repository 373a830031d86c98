"""The routes of figures and queues for everyone, and of opening programmes for the referral service."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Response

from services.capacity.bootstrap import Capacity
from services.capacity.domain.coarse import public
from services.capacity.domain.step import StepId
from services.capacity.entrypoints.requests import (
    BATCH_BODY,
    LIVE,
    CenterOrOperator,
    FiguresReader,
    Reader,
    Region,
    Service,
    WorkerOnly,
    check_center,
)
from services.capacity.ports import Snapshot
from services.contracts.claims import (
    DataVersion,
    ProgrammeAnswer,
    ProgrammeFigures,
    ProgrammeOpening,
    PublicFigures,
    QueueEntry,
)
from services.contracts.near_matches import Named, did_you_mean
from services.contracts.numbers import Rank
from services.contracts.vocabulary import Modality, Role
from services.kit.audit import note
from services.kit.http.auditing import audited
from services.kit.http.auth import Anybody, Principal
from services.kit.http.pages import Page, Text, read_cursor, write_cursor
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.logging import mask

router = guarded_router("/v1", tags=["capacity"])
inside = guarded_router("/v1", tags=["programmes (services only)"], dependencies=[WorkerOnly], max_body_size=BATCH_BODY)
Cursor = Annotated[str | None, Query(description="`next` of the part before")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class CapacityPage(Page[ProgrammeFigures]):
    """Figures at one moment, from which the feed goes on by `last_event_id`."""

    data_version: DataVersion
    last_event_id: str


@router.get("/capacity", response_model=CapacityPage)
@audited(never=True)  # figures are of nobody
async def list_capacity(
    service: Service,
    who: FiguresReader,
    region: Region,
    modality: Modality | None = None,
    free: Annotated[int | None, Query(ge=0, le=100_000, description="At least so many free places")] = None,
    cursor: Cursor = None,
    limit: Limit = 200,
) -> Response:
    """The figures of all programmes, by programme id: as they are for operators, and for a center its own; the others
    as they were published last.
    """

    def wanted(one: ProgrammeFigures) -> bool:
        return region in (None, one.region_id) and modality in (None, one.modality) and one.free >= (free or 0)

    page = await _page(service, who, wanted, cursor, limit)
    return Response(page.model_dump_json(), media_type="application/json")


@router.get("/public/capacity", dependencies=[Depends(Anybody())])
@audited(never=True)
async def list_public_capacity(service: Service, region: Region) -> Page[PublicFigures]:
    """How many places are free, in words, for anybody without a token: by the figures that were published last."""
    figures = (await service.figures.current()).figures
    found = [public(figures[name]) for name in sorted(figures) if region in (None, figures[name].region_id)]
    return Page(items=found, next=None)


@router.get("/capacity/{center_id}")
@audited(never=True)
async def show_center(
    service: Service, who: Reader, center_id: str, cursor: Cursor = None, limit: Limit = 200
) -> CapacityPage:
    """The figures of one center's programmes."""
    page = await _page(service, who, lambda one: one.center_id == center_id, cursor, limit)
    if not page.items and cursor is None:
        every = (await service.store.programmes.snapshot(service.clock())).figures
        near = did_you_mean(center_id, {Named(one.center_id) for one in every})
        raise Problem(404, "unknown_center", f"Capacity knows no programme of this center{near or '.'}")
    return page


@router.get("/queues/{programme_id}")
async def show_queue(
    service: Service, who: CenterOrOperator, programme_id: str, cursor: Cursor = None, limit: Limit = 100
) -> Page[QueueEntry]:
    """The queue of this programme, in order. The read is audited."""
    note({"programme_id": mask(programme_id[:100])})
    snapshot = await service.store.programmes.snapshot(service.clock())
    programme = next((one for one in snapshot.figures if one.programme_id == programme_id), None)
    if programme is None:
        near = did_you_mean(programme_id, [Named(one.programme_id) for one in snapshot.figures])
        raise Problem(404, "unknown_programme", f"Capacity knows no such programme{near or '.'}")
    check_center(who, programme.center_id)
    after = read_cursor(cursor, tuple[Rank, UUID]) if cursor else None
    found = await service.store.programmes.queue(programme_id, after, limit + 1)
    note({"count": min(len(found), limit)})
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next=write_cursor(last.rank, str(last.referral_id)) if last else None)


@inside.put("/programmes/{programme_id}")
async def open_programme(
    service: Service, programme_id: Annotated[str, Path(max_length=100)], opening: ProgrammeOpening
) -> ProgrammeAnswer:
    """Open a programme or apply its newer figure; `waiting` join its queue before a place is handed over."""
    if opening.programme_id != programme_id:
        raise Problem.of_field("programme_id", "differs_from_path", "is not the programme of the path")
    return await service.store.programmes.open_programme(opening, opening.at or service.clock())


async def _seen_by(who: Principal, service: Capacity) -> Snapshot:
    """The figures that `who` may see: a center its own as they are, the others as they were published last."""
    now = await service.store.programmes.snapshot(service.clock())
    if who.has(*LIVE):
        return now
    published = await service.figures.current()
    own = {one.programme_id: one for one in now.figures if who.has(Role.CENTER) and one.center_id == who.org}
    figures = dict(published.figures) | own
    return Snapshot(published.data_version, tuple(figures[name] for name in sorted(figures)))


async def _page(
    service: Service, who: Principal, wanted: Callable[[ProgrammeFigures], bool], cursor: str | None, limit: int
) -> CapacityPage:
    after = read_cursor(cursor, tuple[Text])[0] if cursor else ""
    snapshot = await _seen_by(who, service)
    found = [one for one in snapshot.figures if one.programme_id > after and wanted(one)]
    return CapacityPage(
        items=found[:limit],
        next=write_cursor(found[limit - 1].programme_id) if len(found) > limit else None,
        data_version=snapshot.data_version,
        last_event_id=str(StepId.of(snapshot.data_version)),
    )
