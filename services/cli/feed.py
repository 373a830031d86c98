"""The capacity feed as one endless sequence: server-sent events that go on where they broke off."""

import time
from collections.abc import Callable, Iterator

import httpx2

from services.cli.client import FIRST_PAUSE, LONGEST_PAUSE, PASSING, Api, Refused

PATH = "/v1/capacity/feed"
_SILENCE = httpx2.Timeout(60, connect=5)
"""Seconds without a byte after which the connection counts as dead; the service sends a comment when idle."""


def follow(
    api: Api, last: str | None, broke: Callable[[str | None], None], params: dict[str, str]
) -> Iterator[httpx2.ServerSentEvent]:
    """Events after `last` (None: from now on), for ever.

    After a break it tells `broke` the id it goes on from, and connects again. Raises Refused for any answer that
    waiting will not change, and httpx2.ConnectError when nobody answers the first time.
    """
    pause, connected = FIRST_PAUSE, False
    while True:
        try:
            with api.http.sse(PATH, params=params, headers=_resume(last), timeout=_SILENCE) as source:
                if source.response.is_error:
                    source.response.read()
                    raise Refused(source.response)
                connected, pause = True, FIRST_PAUSE
                for event in source:
                    last = event.id or last
                    if event.data:
                        yield event
        except Refused as refused:
            if refused.status not in PASSING:
                raise
        except httpx2.TransportError:
            if not connected:
                raise
        broke(last)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def _resume(last: str | None) -> dict[str, str]:
    return {"Last-Event-ID": last} if last else {}
