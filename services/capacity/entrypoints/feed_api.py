"""`GET /v1/capacity/feed`: every step as a server-sent event, resuming from `Last-Event-ID`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.responses import StreamingResponse

from services.capacity.domain.feed import Told
from services.capacity.domain.step import StepId
from services.capacity.entrypoints.requests import OPERATORS, Reader, Service
from services.contracts.vocabulary import Role
from services.kit.http.problems import Problem

router = APIRouter(prefix="/v1/capacity", tags=["capacity"])
_HEADERS = {"X-Accel-Buffering": "no"}


def last_seen(
    header: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    query: Annotated[
        str | None,
        Query(alias="last_event_id", description="For a first connection: `last_event_id` of the list"),
    ] = None,
) -> StepId | None:
    """The last step that the client has; raises Problem 422 when the id is none of ours."""
    text = header or query
    if not text:
        return None
    try:
        return StepId.parse(text)
    except ValueError as error:
        field = "Last-Event-ID" if header else "last_event_id"
        raise Problem.of_field(field, "invalid_event_id", str(error)) from None


@router.get("/feed", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def follow(
    service: Service, who: Reader, last: Annotated[StepId | None, Depends(last_seen)]
) -> StreamingResponse:
    """Steps as they happen. An event `reset` says that some were missed: load the list again."""
    full = who.has(*OPERATORS, Role.SERVICE)

    def write(told: Told) -> bytes:
        return told.full if full else told.public

    messages = service.feed.follow(last, write)
    return StreamingResponse(messages, media_type="text/event-stream", headers=_HEADERS)
