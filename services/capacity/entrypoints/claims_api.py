"""Claims, for services only. What a referral gets is a result; only a step that its state forbids is refused."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from pydantic import AwareDatetime

from services.capacity.entrypoints.requests import Seen, Service, ServiceOnly
from services.contracts.claims import (
    ClaimAnswer,
    ClaimChange,
    ClaimRequest,
    ClaimsBatch,
    ClaimsBatchResult,
    ClaimTurns,
)
from services.contracts.rebuild import ClaimsPage, ClaimsWanted
from services.contracts.vocabulary import ClaimState
from services.kit.http.pages import read_cursor, write_cursor
from services.kit.http.problems import Problem

router = APIRouter(prefix="/v1/claims", tags=["claims (services only)"])


@router.post("/batch")
async def claim_batch(service: Service, _: ServiceOnly, batch: Annotated[ClaimsBatch, Body()]) -> ClaimsBatchResult:
    """Claims in order; each is a step of its own, and repeating the batch is harmless."""
    return await service.store.claims.claim(batch.claims, batch.seen)


@router.get("")
async def list_claims(
    service: Service,
    _: ServiceOnly,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> ClaimsPage:
    """All claims, complete although steps go on: of two tellings of one claim the later stands."""
    try:
        position = tuple(map(str, read_cursor(cursor))) if cursor else None
        told = await service.store.books.claims(position, service.clock())
    except ValueError:
        raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list") from None
    following = write_cursor(*told.position) if told.position else None
    return ClaimsPage(items=list(told.claims), mark=told.mark, figures=told.figures, next=following)


@router.post("/look")
async def look_at_claims(service: Service, _: ServiceOnly, wanted: ClaimsWanted) -> ClaimsPage:
    """These claims as they are now, state `none` where there is none, and all figures."""
    told = await service.store.books.look(wanted.referral_ids, service.clock())
    return ClaimsPage(items=list(told.claims), mark=told.mark, figures=told.figures, relayed=told.relayed)


@router.put("/{referral_id}")
async def claim(service: Service, _: ServiceOnly, referral_id: UUID, request: ClaimRequest, seen: Seen) -> ClaimAnswer:
    """Hold the first free place among the candidates, or wait for one."""
    if request.referral_id != referral_id:
        raise Problem.of_field("referral_id", "differs_from_path", "is not the referral of the path")
    answer = await service.store.claims.claim([request], seen)
    return ClaimAnswer(**answer.results[0].model_dump(), mark=answer.mark)


@router.get("/{referral_id}")
async def show_claim(service: Service, _: ServiceOnly, referral_id: UUID) -> ClaimAnswer:
    """What the referral has now; its state is `none` when that is nothing."""
    return await service.store.claims.present(referral_id)


@router.get("/{referral_id}/turns")
async def show_turns(service: Service, _: ServiceOnly, referral_id: UUID) -> ClaimTurns:
    """What the referral has now, and while it waits its place in each queue."""
    return await service.store.books.turns(referral_id)


@router.post("/{referral_id}/occupy")
async def occupy(service: Service, _: ServiceOnly, referral_id: UUID, change: ClaimChange) -> ClaimAnswer:
    """The child is admitted to the place it holds; 409 `not_held` with the claim when it holds none."""
    at = change.at or service.clock()
    answer = await service.store.claims.occupy(referral_id, change.attempt, at, change.seen)
    if answer.state is not ClaimState.OCCUPIED or answer.attempt != change.attempt:
        detail = f"No place is held under attempt {change.attempt}."
        raise Problem(409, "not_held", detail, extra={"claim": answer.model_dump(mode="json")})
    return answer


@router.delete("/{referral_id}")
async def release(
    service: Service,
    _: ServiceOnly,
    referral_id: UUID,
    attempt: Annotated[int, Query(ge=1)],
    seen: Seen,
    at: Annotated[AwareDatetime | None, Query(description="Now, by capacity's clock, when left out")] = None,
) -> ClaimAnswer:
    """Give back what the referral has under this attempt or an earlier one, and hand it over."""
    moment: datetime = at or service.clock()
    return await service.store.claims.release(referral_id, attempt, moment, seen)
