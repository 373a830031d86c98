"""The routes of claims, for services only. The outcome of a claim is a result, never an error."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.capacity.entrypoints.requests import BATCH_BODY, ReferralOnly, Service, WorkerOnly
from services.capacity.ports import ClaimsPosition, ClaimsRead
from services.contracts.claims import (
    ClaimChangesBatch,
    ClaimPositions,
    ClaimPositionsBatch,
    ClaimsBatch,
    ClaimsBatchResult,
    UnreadableClaim,
)
from services.contracts.rebuild import ClaimsPage, ClaimsWanted
from services.kit import tracing
from services.kit.errors import TransientError
from services.kit.http.pages import read_cursor, write_cursor
from services.kit.http.routes import guarded_router

router = guarded_router(
    "/v1/claims", tags=["claims (services only)"], dependencies=[ReferralOnly], max_body_size=BATCH_BODY
)


@router.post("/batch", dependencies=[WorkerOnly])
async def claim_batch(service: Service, batch: ClaimsBatch) -> ClaimsBatchResult:
    """Hold a place for each referral, or let it wait. Each claim is a step; repeating the batch is harmless."""
    works = (tracing.Work("claim", str(one.referral_id), one.traceparent) for one in batch.claims if one.traceparent)
    with tracing.spans("INTERNAL", works):
        return await service.store.claims.claim(batch.claims, batch.seen)


@router.post("/occupy", dependencies=[WorkerOnly])
async def occupy_batch(service: Service, batch: ClaimChangesBatch) -> ClaimsBatchResult:
    """Turn held places into occupied ones; any other claim is answered unchanged."""
    return await service.store.claims.occupy(batch.changes, service.clock(), batch.seen)


@router.post("/release", dependencies=[WorkerOnly])
async def release_batch(service: Service, batch: ClaimChangesBatch) -> ClaimsBatchResult:
    """Release each claim of the attempt or an earlier one, and hand its place over."""
    return await service.store.claims.release(batch.changes, service.clock(), batch.seen)


@router.get("", response_model=ClaimsPage)
async def list_claims(
    service: Service, cursor: Annotated[str | None, Query(description="`next` of the page before")] = None
) -> Response:
    """All claims, complete although steps go on: when a claim comes twice, the later one is valid."""
    position = read_cursor(cursor, ClaimsPosition) if cursor else None
    return _page(await service.store.claim_pages.page(position, service.clock()))


@router.post("/lookup", response_model=ClaimsPage)
async def look_up_claims(service: Service, wanted: ClaimsWanted) -> Response:
    """These claims (state `none` without one), and all figures."""
    return _page(await service.store.claim_pages.lookup(wanted.referral_ids, service.clock()))


def _page(read: ClaimsRead) -> Response:
    """A ClaimsPage, written once: FastAPI would validate what has just been."""
    page = ClaimsPage.model_construct(
        items=list(read.claims), data_version=read.data_version, figures=read.figures, relayed=read.relayed,
        unreadable=list(read.unreadable), next=write_cursor(*read.position) if read.position else None,
    )  # fmt: skip
    return Response(page.model_dump_json(), media_type="application/json")


@router.post("/positions", response_model=ClaimPositionsBatch)
async def list_positions(service: Service, wanted: ClaimsWanted) -> Response:
    """The claim of each of these (state `none` without one), and its positions while it waits."""
    found = await service.store.claims.positions(wanted.referral_ids)
    batch = ClaimPositionsBatch.model_construct(
        items=tuple(one for one in found if isinstance(one, ClaimPositions)),
        unreadable=tuple(one for one in found if isinstance(one, UnreadableClaim)),
    )
    return Response(batch.model_dump_json(), media_type="application/json")


@router.get("/{referral_id}")
async def show_claim(service: Service, referral_id: UUID) -> ClaimPositions:
    """The referral's claim (state `none` without one), and its positions while it waits."""
    [found] = await service.store.claims.positions([referral_id])
    if isinstance(found, UnreadableClaim):
        raise TransientError(f"claim {referral_id} cannot be read: {found.reason}")
    return found
