"""Referrals as `GET /v1/referrals` lists them."""

from uuid import UUID

import httpx2


async def ids(client: httpx2.AsyncClient, **query: str) -> list[int]:
    answer = await client.get("/v1/referrals", params=query)
    assert answer.status_code == 200, answer.text
    return [UUID(one["id"]).int for one in answer.json()["items"]]
