"""The events of a Faust stream in batches.

Its own `take_events` wakes a hundred times a second for each topic, also when nothing comes, and an event waits for it.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any


class _Arrived:
    """Events that were read from a stream and are not taken yet, `most` of them."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._most = stream, most
        self._events: list[Any] = []
        self._some, self._room = asyncio.Event(), asyncio.Event()
        self._ended = False

    async def read(self) -> None:
        """Until the stream ends."""
        try:
            async for _ in self._stream:
                self._events.append(self._stream.current_event)
                self._some.set()
                if len(self._events) >= self._most:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._ended = True
            self._some.set()

    async def take(self, within: float) -> Sequence[Any]:
        """All that have arrived, `within` seconds after the first; none once the stream has ended and all are taken."""
        await self._some.wait()
        if len(self._events) < self._most and not self._ended:
            await asyncio.sleep(within)
        taken, self._events = self._events, []
        if not self._ended:
            self._some.clear()
        self._room.set()
        return taken


async def in_batches(stream: Any, most: int, within: float) -> AsyncGenerator[Sequence[Any], None]:
    """Batches of up to `most` events, `within` seconds after the first of each.

    As by `take_events` a batch is acknowledged when the next is asked for, and when the body raises or is cancelled.
    Raises what reading the stream raises, once all that it gave before are taken.
    """
    stream.enable_acks = False
    arrived = _Arrived(stream, most)
    reading = asyncio.create_task(arrived.read())
    try:
        while batch := await arrived.take(within):
            try:
                yield batch
            finally:
                for event in batch:
                    await stream.ack(event)
        await reading
    finally:
        reading.cancel()
        await asyncio.wait({reading})  # a stream that is being read cannot be closed
