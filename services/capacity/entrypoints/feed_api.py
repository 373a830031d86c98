"""`GET /v1/capacity/feed`: every step as a server-sent event, resuming from `Last-Event-ID`."""

from typing import Annotated

from fastapi import Depends, Header, Query
from starlette.responses import StreamingResponse

from services.capacity.domain.feed import FeedMessage
from services.capacity.domain.step import StepId
from services.capacity.entrypoints.requests import Reader, Service
from services.contracts.authority import OPERATORS
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router

router = guarded_router("/v1/capacity", tags=["capacity"])
_HEADERS = {"X-Accel-Buffering": "no"}


def last_seen(
    header: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    query: Annotated[
        str | None, Query(alias="last_event_id", description="For a first connection: `last_event_id` of the list")
    ] = None,
) -> StepId | None:
    """The last step that the client has; raises Problem 422 for any other text."""
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
    """Steps as they happen. An event `reset` says that steps were missed: load the list again.

    When the token ends, the last event is `token_ended`: come back with a new token and `Last-Event-ID`.
    """
    full = who.has(*OPERATORS)

    def write(message: FeedMessage) -> bytes:
        return message.full if full else message.public

    messages = service.feed.follow(last, write, who.ends)
    return StreamingResponse(messages, media_type="text/event-stream", headers=_HEADERS)
