"""Figures and queues: what everyone sees, and what a center sets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from services.capacity.domain.step import StepId
from services.capacity.entrypoints.requests import (
    CenterOrOperator,
    Reader,
    Service,
    ServiceOnly,
    check_center,
)
from services.capacity.handlers.show_capacity import Wanted, show_capacity
from services.capacity.ports import Turn
from services.contracts.claims import DataVersion, ProgrammeAnswer, ProgrammeFigures, ProgrammeOpening
from services.contracts.vocabulary import Modality
from services.kit.http.pages import Page, read_cursor, write_cursor
from services.kit.http.problems import Problem

router = APIRouter(prefix="/v1", tags=["capacity"])
Cursor = Annotated[str | None, Query(description="`next` of the part before")]
Limit = Annotated[int, Query(ge=1, le=1000)]


class CapacityPage(Page[ProgrammeFigures]):
    """Figures at one moment; the feed goes on from `last_event_id`."""

    mark: DataVersion
    last_event_id: str


class QueuedReferral(BaseModel):
    position: int
    referral_id: UUID
    rank: int = Field(description="Milliseconds; the smaller goes first")


class PlacesUpdate(BaseModel):
    """A center's figure. Sending the same one confirms it."""

    model_config = ConfigDict(extra="forbid")

    places: int = Field(ge=0, le=100_000)
    suspended: bool | None = Field(None, description="Left as it is when not given")


@router.get("/capacity")
async def list_capacity(
    service: Service,
    _: Reader,
    region: str | None = None,
    modality: Modality | None = None,
    free: Annotated[int | None, Query(ge=0, description="At least so many free places")] = None,
    cursor: Cursor = None,
    limit: Limit = 200,
) -> CapacityPage:
    """Every programme's places, by programme id."""
    return await _page(service, Wanted(region, modality, free), cursor, limit)


@router.get("/capacity/{center_id}")
async def show_center(
    service: Service, _: Reader, center_id: str, cursor: Cursor = None, limit: Limit = 200
) -> CapacityPage:
    """The programmes of one center."""
    page = await _page(service, Wanted(center_id=center_id), cursor, limit)
    if not page.items and cursor is None:
        raise Problem(404, "unknown_center", "Capacity knows no programme of this center.")
    return page


@router.put("/capacity/{center_id}/{programme_id}")
async def set_places(
    service: Service, who: CenterOrOperator, center_id: str, programme_id: str, update: PlacesUpdate
) -> ProgrammeAnswer:
    """Set a programme's places, and confirm the figure. Nobody loses a place by it."""
    check_center(who, center_id)
    return await service.store.places.set_places(
        programme_id, update.places, service.clock(), suspended=update.suspended, center_id=center_id
    )


@router.get("/queues/{programme_id}")
async def show_queue(
    service: Service, who: CenterOrOperator, programme_id: str, cursor: Cursor = None, limit: Limit = 100
) -> Page[QueuedReferral]:
    """Who waits for this programme, in order."""
    snapshot = await service.store.places.snapshot(service.clock())
    programme = next((one for one in snapshot.figures if one.programme_id == programme_id), None)
    if programme is None:
        raise Problem(404, "unknown_programme", "Capacity knows no such programme.")
    check_center(who, programme.center_id)
    turns = await service.store.places.queue(programme_id, _read_turn(cursor), limit + 1)
    items = [
        QueuedReferral(position=turn.position, referral_id=turn.referral_id, rank=turn.rank) for turn in turns[:limit]
    ]
    last = turns[limit - 1] if len(turns) > limit else None
    return Page(items=items, next=write_cursor(last.rank, str(last.referral_id)) if last else None)


@router.put("/programmes/{programme_id}")
async def open_programme(
    service: Service,
    _: ServiceOnly,
    programme_id: Annotated[str, Path(max_length=100)],
    opening: ProgrammeOpening,
) -> ProgrammeAnswer:
    """Register a programme; those who wait for it join its queue before its first place is given."""
    if opening.programme_id != programme_id:
        raise Problem.of_field("programme_id", "differs_from_path", "is not the programme of the path")
    return await service.store.places.open_programme(opening, opening.at or service.clock())


async def _page(service: Service, wanted: Wanted, cursor: str | None, limit: int) -> CapacityPage:
    after = str(read_cursor(cursor, 1)[0]) if cursor else ""
    snapshot = await service.store.places.snapshot(service.clock())
    items, more = show_capacity(snapshot.figures, wanted, after, limit)
    return CapacityPage(
        items=items,
        next=write_cursor(items[-1].programme_id) if more else None,
        mark=snapshot.mark,
        last_event_id=str(StepId.of(snapshot.mark)),
    )


def _read_turn(cursor: str | None) -> Turn | None:
    if cursor is None:
        return None
    try:
        rank, referral = read_cursor(cursor, 2)
        return Turn(0, UUID(referral), int(rank))
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list") from None
