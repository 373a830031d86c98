"""The routes of the rebuild from the record, for services only: begin, restore, open. Each may be repeated."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.capacity.entrypoints.requests import BATCH_BODY, ReferralOnly, Seen, Service
from services.capacity.ports import Rebuilding
from services.contracts.rebuild import ClaimsToRestore, Generation, NewGeneration, Opened, ProgrammesToRestore, Restored
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router(
    "/v1/rebuild", tags=["rebuild (services only)"], dependencies=[ReferralOnly], max_body_size=BATCH_BODY
)


@contextmanager
def _generation_of_the_caller() -> Iterator[None]:
    try:
        yield
    except Rebuilding:
        detail = "Another rebuild has begun, or this epoch or a higher one is open."
        raise Problem(409, "another_generation", detail) from None


@router.get("")
async def generation(service: Service, seen: Seen) -> Generation:
    """Whether the data is whole, and of the generation that the caller has seen."""
    return await service.store.rebuild.generation(seen)


@router.post("")
async def begin(service: Service, new: NewGeneration) -> Generation:
    """Delete all programmes and claims, and answer 503 `rebuilding` until the new generation is open."""
    with _generation_of_the_caller():
        await service.store.rebuild.begin(new.epoch)
    return await service.store.rebuild.generation(None)


@router.put("/programmes")
async def restore_programmes(service: Service, batch: ProgrammesToRestore) -> Restored:
    """Restore programmes from the registry, without a hand-over."""
    with _generation_of_the_caller():
        await service.store.rebuild.restore_programmes(batch.epoch, batch.programmes)
    return Restored()


@router.put("/claims")
async def restore_claims(service: Service, batch: ClaimsToRestore) -> Restored:
    """Restore claims from the record, without a hand-over."""
    with _generation_of_the_caller():
        return Restored(refused=await service.store.rebuild.restore_claims(batch.epoch, batch.claims))


@router.post("/open")
async def open_rebuilt(service: Service, new: NewGeneration) -> Opened:
    """Open the new generation, and hand free places to waiting referrals by rank."""
    with _generation_of_the_caller():
        return await service.store.rebuild.open(new.epoch, service.clock())
