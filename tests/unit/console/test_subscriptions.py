"""The console's own subscriptions."""

import asyncio

import httpx2

from services.console.upstream.feed import Hub
from services.console.upstream.subscriptions import follow_referrals
from services.kit.loops import background


class Token:
    """Tells what was answered to it."""

    def __init__(self) -> None:
        self.told = asyncio.Queue[int]()

    async def header(self) -> dict[str, str]:
        return {"Authorization": "Bearer of-a-withdrawn-key"}

    def answered(self, status: int) -> None:
        self.told.put_nowait(status)


async def test_a_token_that_is_refused_is_made_anew() -> None:
    token, transport = Token(), httpx2.MockTransport(lambda request: httpx2.Response(401, request=request))
    async with (
        httpx2.AsyncClient(transport=transport, base_url="http://referral") as client,
        background(follow_referrals(Hub(), client, token)),
    ):
        assert await asyncio.wait_for(token.told.get(), 10) == 401, "by which it is renewed before its time"
