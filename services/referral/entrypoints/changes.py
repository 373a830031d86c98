"""`GET /v1/changes`, for the console: whose referrals take a step, as server-sent events."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import StreamingResponse

from services.contracts.vocabulary import Role
from services.kit.http.auditing import audited
from services.kit.http.auth import Principal, Require
from services.kit.http.feed_limits import FeedLimits
from services.kit.http.routes import guarded_router
from services.kit.http.streams import BEAT, EventStream
from services.kit.http.token_claims import CLOCK_DIFFERENCE
from services.referral.entrypoints.referrals import Service
from services.referral.handlers.follow_changes import FollowChanges

router = guarded_router("/v1/changes", tags=["changes (the console only)"])
Console = Annotated[Principal, Depends(Require(Role.CONSOLE))]


async def feed_limits(request: Request) -> FeedLimits:
    """The limits in `app.state.feed_limits`."""
    limits: FeedLimits = request.app.state.feed_limits
    return limits


Limits = Annotated[FeedLimits, Depends(feed_limits)]


@router.get("", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
@audited(never=True)  # it says nothing of a referral but that it took a step
async def follow(service: Service, who: Console, limits: Limits) -> StreamingResponse:
    """An event a step from now on: the referral, its polyclinic, and the center whose offer it is about.

    There is no going back: after a break, or the token's end, all that is shown may have changed.
    """
    messages = _messages(service.reading.follow_changes, who.ends - CLOCK_DIFFERENCE)
    return EventStream(messages, limits.enter(who))


async def _messages(changes: FollowChanges, ends: float) -> AsyncGenerator[bytes, None]:
    async for change in changes.follow(ends):
        yield BEAT if change is None else b"data: %s\n\n" % change.model_dump_json(exclude_none=True).encode()
