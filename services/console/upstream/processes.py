"""The processes without an API (workers, relays): whether each is ready, by the probe at its port inside."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import httpx2

from services.console.upstream.client import Json
from services.kit.http.tls import trusted

PATIENCE = httpx2.Timeout(6, connect=2)
"""Seconds; a probe itself waits five for each of its checks."""
SILENT: Json = {"ready": False, "checks": {}}


class Processes:
    """`urls` by name; a context that connects at first use."""

    def __init__(self, urls: Mapping[str, str], ca_file: Path | None) -> None:
        self._clients = {
            name: httpx2.AsyncClient(base_url=url, timeout=PATIENCE, verify=trusted(url, ca_file), trust_env=False)
            for name, url in urls.items()
        }
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for one in self._clients.values():
            await self._stack.enter_async_context(one)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def readiness(self) -> Mapping[str, Json]:
        """By name: `ready`, and `checks` as `/v1/readiness` of an API has them. One that is silent is not ready."""
        found = await asyncio.gather(*(_readiness(one) for one in self._clients.values()))
        return dict(zip(self._clients, found, strict=True))


async def _readiness(client: httpx2.AsyncClient) -> Json:
    try:
        answer: Json = (await client.get("/readyz")).json()
        return {"ready": answer["ready"], "checks": {name: said == "ok" for name, said in answer["checks"].items()}}
    except (httpx2.HTTPError, ValueError, KeyError):
        return SILENT
