"""Capacity's queues over HTTP: asked once, and not for long."""

import asyncio
from uuid import UUID

import httpx2
import pytest

from services.kit.http.service_token import TokenFile
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.http_queue_positions import HttpQueuePositions
from services.referral.ports import CapacityUnavailable, Unavailable

FIGURE = {
    "center_id": "c", "region_id": "KZ-10", "modality": "day_stay", "places": 1, "confirmed_at": "2026-03-02T09:00:00Z",
    "version": 1, "held": 0, "occupied": 1, "free": 0,
}  # fmt: skip


async def test_capacity_that_does_not_answer_in_time_is_unreachable() -> None:
    async def hang(_: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError("it is over before")

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(hang), base_url="http://capacity") as client:
        with pytest.raises(CapacityUnavailable) as missing:
            await HttpQueuePositions(HttpCapacity(client, TokenFile(None)), patience=0.01).positions(UUID(int=1))
    assert missing.value.reason is Unavailable.UNREACHABLE


async def test_how_many_wait_is_read_from_all_pages() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(request.url.params))
        number = len(asked)
        item = FIGURE | {"programme_id": f"p-{number}", "waiting": number}
        return httpx2.Response(200, json={"items": [item], "next": "more" if number == 1 else None})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://capacity") as client:
        found = await HttpQueuePositions(HttpCapacity(client, TokenFile(None))).waiting("KZ-10")
    assert found == {"p-1": 1, "p-2": 2}
    assert asked == [{"limit": "1000", "region": "KZ-10"}, {"limit": "1000", "region": "KZ-10", "cursor": "more"}]
