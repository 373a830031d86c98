"""The rebuild from the record, for services only: begin, restore, open. Each step may be repeated."""

from fastapi import APIRouter

from services.capacity.entrypoints.requests import Seen, Service, ServiceOnly
from services.capacity.ports import Rebuilding
from services.contracts.rebuild import (
    ClaimsToRestore,
    Generation,
    NewGeneration,
    Opened,
    ProgrammesToRestore,
    Restored,
)
from services.kit.http.problems import Problem

router = APIRouter(prefix="/v1/rebuild", tags=["rebuild (services only)"])


def _overtaken() -> Problem:
    detail = "Another rebuild has begun, or this epoch or a higher one is open."
    return Problem(409, "another_generation", detail)


@router.get("")
async def generation(service: Service, _: ServiceOnly, seen: Seen) -> Generation:
    """Whether the data is whole, and of the generation that the caller has seen."""
    return await service.store.rebuild.generation(seen)


@router.post("")
async def begin(service: Service, _: ServiceOnly, new: NewGeneration) -> Generation:
    """Forget all programmes and claims, and answer 503 `rebuilding` until the new generation is open."""
    try:
        await service.store.rebuild.begin(new.epoch)
    except Rebuilding:
        raise _overtaken() from None
    return await service.store.rebuild.generation(None)


@router.put("/programmes")
async def restore_programmes(service: Service, _: ServiceOnly, batch: ProgrammesToRestore) -> Restored:
    """Programmes as the record has them; nothing is handed over yet."""
    try:
        await service.store.rebuild.restore_programmes(batch.epoch, batch.programmes)
    except Rebuilding:
        raise _overtaken() from None
    return Restored()


@router.put("/claims")
async def restore_claims(service: Service, _: ServiceOnly, batch: ClaimsToRestore) -> Restored:
    """Claims as the record has them; nothing is handed over yet."""
    try:
        return Restored(refused=await service.store.rebuild.restore_claims(batch.epoch, batch.claims))
    except Rebuilding:
        raise _overtaken() from None


@router.post("/open")
async def open_rebuilt(service: Service, _: ServiceOnly, new: NewGeneration) -> Opened:
    """Hand what is free to those who wait, by rank, and serve as usual."""
    try:
        return await service.store.rebuild.open(new.epoch, service.clock())
    except Rebuilding:
        raise _overtaken() from None
