"""The request of a submission: body limits, media type and idempotency key; the parts of a long body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.kit.http.problems import Problem

LARGEST_SUBMISSION, LARGEST_FILE = 64 * 1024, 4 * 1024**3
"""Bytes."""


def expect_type(request: Request, *accepted: str) -> str:
    """The media type of the body, by default the first of `accepted`. Raises Problem 415."""
    media_type = request.headers.get("content-type", accepted[0]).partition(";")[0].strip().lower()
    if media_type not in accepted:
        raise Problem(415, "unsupported_media_type", f"Content-Type: must be {' or '.join(accepted)}")
    return media_type


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Raises Problem 422."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        raise Problem.of_field("Idempotency-Key", "invalid_idempotency_key", "must be 1 to 200 printable characters")
    return key


class Parts:
    """The parts of a body as they arrive. The next one is received while one is worked on, which shows who has left."""

    def __init__(self, request: Request) -> None:
        self._request, self._stream = request, request.stream()
        self._next: asyncio.Task[bytes | None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._next is not None:
            self._next.cancel()
            with suppress(asyncio.CancelledError, ClientDisconnect):
                await self._next

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises ClientDisconnect."""
        part = await self._receive()
        while part is not None:
            self._next = asyncio.create_task(self._receive())
            yield part
            part = await self._next

    async def _receive(self) -> bytes | None:
        return await anext(self._stream, None)

    async def expect_client(self) -> None:
        """Raises ClientDisconnect when the client has left."""
        if self._next is None or not self._next.done():
            return
        if self._next.result() is None and await self._request.is_disconnected():
            raise ClientDisconnect
