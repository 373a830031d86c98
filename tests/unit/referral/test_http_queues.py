"""Capacity's queues over HTTP: asked once, and not for long."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import orjson
import pytest

from services.contracts.claims import ClaimPositions
from services.kit.http.service_token import TokenFile
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.http_queue_positions import MOST, HttpQueuePositions
from services.referral.ports import CapacityUnavailable, Unavailable
from tests.support.eventually import eventually

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


class Capacity:
    """Answers positions once it may, and keeps what it was asked for. Questions with one that `hangs` stay."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.hangs, self.unreadable = set[str](), set[str]()
        self.asking, self.most = 0, 0
        self.may = asyncio.Event()
        self.status = 200

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        ids = orjson.loads(request.content)["referral_ids"]
        self.asked.append(ids)
        self.asking += 1
        self.most = max(self.most, self.asking)
        try:
            return await self._answer(ids)
        finally:
            self.asking -= 1

    async def _answer(self, ids: list[str]) -> httpx2.Response:
        await (asyncio.Event() if self.hangs & set(ids) else self.may).wait()
        read = [id for id in ids if id not in self.unreadable]
        items = [{"referral_id": id, "attempt": 1, "state": "none", "data_version": VERSION} for id in read]
        unreadable = [{"referral_id": id, "reason": "of another type"} for id in ids if id in self.unreadable]
        return httpx2.Response(self.status, json={"items": items, "unreadable": unreadable, "code": "rebuilding"})


VERSION = {"epoch": "1", "sequence": 3}


@pytest.fixture
async def queues() -> AsyncIterator[tuple[Capacity, HttpQueuePositions]]:
    capacity = Capacity()
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(capacity), base_url="http://capacity") as client:
        yield capacity, HttpQueuePositions(HttpCapacity(client, TokenFile(None)))


async def test_positions_that_are_asked_for_meanwhile_are_one_question(
    queues: tuple[Capacity, HttpQueuePositions],
) -> None:
    capacity, positions = queues
    async with asyncio.TaskGroup() as group:
        first = group.create_task(positions.positions(UUID(int=1)))
        await eventually(lambda: capacity.asked)
        others = [group.create_task(positions.positions(UUID(int=number))) for number in (2, 3, 2)]
        await asyncio.sleep(0)
        capacity.may.set()
    found = [one.result().referral_id.int for one in (first, *others)]
    assert found == [1, 2, 3, 2], "each has the answer about its own referral"
    assert capacity.asked == [[str(UUID(int=1))], [str(UUID(int=2)), str(UUID(int=3))]]


async def test_a_refusal_is_told_to_all_who_asked_and_the_next_asks_anew(
    queues: tuple[Capacity, HttpQueuePositions],
) -> None:
    capacity, positions = queues
    capacity.may.set()
    capacity.status = 503
    refused = await asyncio.gather(*(positions.positions(UUID(int=one)) for one in (1, 2)), return_exceptions=True)
    assert [getattr(one, "reason", one) for one in refused] == [Unavailable.REBUILDING] * 2
    capacity.status = 200
    assert (await positions.positions(UUID(int=1))).data_version.sequence == 3


async def test_a_claim_that_cannot_be_read_fails_alone(queues: tuple[Capacity, HttpQueuePositions]) -> None:
    capacity, positions = queues
    capacity.may.set()
    capacity.unreadable = {str(UUID(int=2))}
    found = await asyncio.gather(*(positions.positions(UUID(int=one)) for one in (1, 2, 3)), return_exceptions=True)
    assert len(capacity.asked) == 1, "they are asked for together"
    assert [getattr(one, "reason", "read") for one in found] == ["read", Unavailable.UNREACHABLE, "read"]


async def test_an_answer_that_hangs_holds_up_nobody_else(queues: tuple[Capacity, HttpQueuePositions]) -> None:
    capacity, positions = queues
    capacity.may.set()
    capacity.hangs = {str(UUID(int=1))}
    hanging = asyncio.create_task(positions.positions(UUID(int=1)))
    await eventually(lambda: capacity.asked)
    assert (await positions.positions(UUID(int=2))).referral_id == UUID(int=2)
    assert not hanging.done(), "the other was answered beside it"
    with pytest.raises(CapacityUnavailable):
        await hanging


async def test_no_more_than_some_questions_hang_at_once(queues: tuple[Capacity, HttpQueuePositions]) -> None:
    capacity, positions = queues
    capacity.hangs = {str(UUID(int=number)) for number in range(100)}
    asking = list[asyncio.Task[ClaimPositions]]()
    for number in range(MOST + 3):
        asking.append(asyncio.create_task(positions.positions(UUID(int=number))))
        await eventually(lambda: len(capacity.asked) == min(len(asking), MOST))
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(one) for one in found] == [CapacityUnavailable] * len(asking), "each hears of it in time"
    assert capacity.most <= MOST, "and the others were not asked beside them"
