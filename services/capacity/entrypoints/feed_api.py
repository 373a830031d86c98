"""`GET /v1/capacity/feed`: every step as a server-sent event, resuming from `Last-Event-ID`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from time import time
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, Header, Query
from starlette.responses import StreamingResponse

from services.capacity.bootstrap import Capacity
from services.capacity.domain.step import StepId
from services.capacity.entrypoints.requests import FeedReader, Service
from services.capacity.handlers.feed import View
from services.contracts.authority import OPERATORS
from services.contracts.vocabulary import Role
from services.kit.audit import TRAIL, note, recorded
from services.kit.http.auditing import audited
from services.kit.http.auth import Principal
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.http.streams import EventStream
from services.kit.http.token_claims import CLOCK_DIFFERENCE

router = guarded_router("/v1/capacity", tags=["capacity"])
_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


async def last_seen(
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


def view_of(who: Principal) -> View:
    """Operators see every step as it is made; a center its own programmes', and of others what is published.

    The console, which tells each of its users only that something may have changed, sees all without the referrals.
    """
    if who.has(*OPERATORS):
        return View(lambda message: message.full)
    if who.has(Role.CONSOLE):
        return View(lambda message: message.public, True)
    center = who.org if who.has(Role.CENTER) else None
    return View(lambda one: one.public if center and one.center_id == center else None, True, center)


@router.get("/feed", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
@audited(apart=True)
async def follow(
    service: Service, who: FeedReader, last: Annotated[StepId | None, Depends(last_seen)]
) -> StreamingResponse:
    """Steps as they happen, for operators. A center is sent those of its own programmes, without the referral; of
    others, centers and polyclinics are sent events `figures` when these are published.

    An event `reset` says that steps were missed: load the list again. When the token ends, the last event is
    `token_ended`: come back with a new token and `Last-Event-ID`. Who is sent steps is audited, from when to when.
    """
    leave = service.feed_limits.enter(who)
    ends = who.ends - CLOCK_DIFFERENCE
    if who.has(*OPERATORS, Role.CENTER):
        leave = await _entered(service, leave, last, ends)
    recorded()  # figures of others are of nobody
    return EventStream(service.feed.follow(last, view_of(who), ends), leave)


async def _entered(
    service: Capacity, leave: Callable[[], None], last: StepId | None, ends: float
) -> Callable[[], None]:
    """Enter that the feed opens: until its end when no other is entered. The result enters the end, and leaves."""
    trail, log = TRAIL.get(), service.audit_log
    if trail is None or log is None:
        return leave
    feed = uuid4().hex
    note({"feed": feed, "since": str(last or ""), "until": _moment(ends)})
    opened = trail.entry()
    try:
        await log.record(opened)
    except BaseException:
        leave()
        raise

    def leave_and_enter() -> None:
        leave()
        log.record_later(replace(opened, act="end_feed", detail={"feed": feed, "ended_at": _moment(time())}))

    return leave_and_enter


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(min(seconds, _LAST), UTC).isoformat(timespec="seconds")
