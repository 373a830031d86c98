"""A transport whose connection is cut at a chosen request, or amid which something else happens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2


class FaultyTransport(httpx2.AsyncBaseTransport):
    """Passes requests on to `inner`."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self._left: int | None = None
        self._meanwhile: Callable[[], Awaitable[object]] | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._left is None:
            return await self._inner.handle_async_request(request)
        self._left -= 1
        if self._left < 0 and not self._meanwhile:
            raise httpx2.ReadError("the connection is cut")
        answer = await self._inner.handle_async_request(request)
        if self._left == 0:
            if self._meanwhile is None:
                raise httpx2.ReadError("the answer is lost")
            meanwhile, self._left = self._meanwhile, None
            await meanwhile()
        return answer

    @asynccontextmanager
    async def cut(self, after: int) -> AsyncIterator[None]:
        """The answer to request number `after` is lost, though it was served; later requests are not served.

        As for a process that dies between a claim and its commit.
        """
        self._left = after
        try:
            yield
        finally:
            self._left = None

    @asynccontextmanager
    async def interleave(self, after: int, meanwhile: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """Between the serving of request number `after` and its answer, `meanwhile` happens."""
        self._left, self._meanwhile = after, meanwhile
        try:
            yield
        finally:
            self._left = self._meanwhile = None
