"""Kafka clients begin when a broker answers, and end although none does."""

import asyncio
from typing import Any

from services.kit.kafka.clients import started


class Client:
    """A client that cannot hand on what it has."""

    def __init__(self) -> None:
        self.stopping = False
        self._client = None

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self.stopping = True
        await asyncio.Event().wait()


async def test_clients_that_cannot_hand_on_what_they_have_are_left_together() -> None:
    clients: list[Any] = [Client(), Client()]
    async with asyncio.timeout(5):
        async with started(*clients, stop_within=0.05):
            assert not any(one.stopping for one in clients)
    assert all(one.stopping for one in clients)
