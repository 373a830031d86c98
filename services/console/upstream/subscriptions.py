"""The console's own two subscriptions, which all pages share: steps of referrals, and steps of places."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx2
import structlog

from services.console.metrics import subscribed
from services.console.upstream.feed import Hub
from services.contracts.changes import Change
from services.kit.errors import TransientError, reason_of
from services.kit.http.service_token import ServiceToken

log = structlog.get_logger()
SILENCE = httpx2.Timeout(40, connect=3)
"""Seconds without a sign of life after which a subscription is made anew."""
PAUSE, LONGEST_PAUSE = 0.3, 5.0
"""Seconds before a subscription is made again."""
FAILURES = (httpx2.HTTPError, OSError, TransientError, ValueError)


async def follow_referrals(hub: Hub, client: httpx2.AsyncClient, token: ServiceToken) -> None:
    """Tell `hub` of every step, until cancelled."""
    async with aclosing(_events(hub, "referral", "/v1/changes", client, token)) as events:
        async for event in events:
            hub.tell_change(Change.model_validate_json(event.data))


async def follow_places(hub: Hub, client: httpx2.AsyncClient, token: ServiceToken) -> None:
    """Tell `hub` of every change of places, and of each publication, until cancelled."""
    async with aclosing(_events(hub, "capacity", "/v1/capacity/feed", client, token)) as events:
        async for event in events:
            if event.event == "reset":
                hub.tell_all()
            elif event.event == "figures":
                hub.tell_published()
            elif event.event != "token_ended":
                data: Any = event.json()
                hub.remember(event.event, data)
                hub.tell_step(data.get("center_id"))


async def _events(
    hub: Hub, service: str, path: str, client: httpx2.AsyncClient, token: ServiceToken
) -> AsyncGenerator[httpx2.ServerSentEvent, None]:
    """The events of a subscription that is made anew whenever it ends; `hub` knows whether it is there."""
    pause = PAUSE
    while True:
        try:
            async with client.sse(path, headers=await token.header(), timeout=SILENCE) as source:
                token.answered(source.response.status_code)
                source.response.raise_for_status()
                subscribed.labels(service).set(1)
                hub.regain(service)
                pause = PAUSE
                async for event in source:
                    yield event
        except FAILURES as error:
            log.warning("console.feed_broken", service=service, reason=reason_of(error))
        finally:
            subscribed.labels(service).set(0)
            hub.lose(service)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
