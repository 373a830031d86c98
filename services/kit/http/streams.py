"""Endless answers: server-sent events that end, and free what they held, however their client leaves."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from services.kit.http.connections import buffer_little, cut

log = structlog.get_logger()
SEND_SECONDS = 20.0
"""How long a client may read nothing of what is sent."""
BEAT = b": beat\n\n"
"""A comment, by which a client knows that the line is alive."""
_HEADERS = {"X-Accel-Buffering": "no"}


def _nothing() -> None:
    pass


class EventStream(StreamingResponse):
    """Ends its generator, then calls `leave`, also when the client reads nothing."""

    def __init__(self, messages: AsyncGenerator[bytes, None], leave: Callable[[], None] = _nothing) -> None:
        super().__init__(messages, media_type="text/event-stream", headers=_HEADERS)
        self._messages, self._leave = messages, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def timely(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        buffer_little(scope)
        try:
            await super().__call__(scope, receive, timely)
        except (TimeoutError, ClientDisconnect):  # Starlette takes the one for the other
            log.info("feed.unread")
            cut(scope)
        finally:
            self._leave()
            await self._messages.aclose()
