"""The capacity feed as one endless sequence: server-sent events that go on where they broke off."""

import time
from collections.abc import Callable, Iterator

import httpx2

from services.cli.client import FIRST_PAUSE, LONGEST_PAUSE, PASSING, Api, Refused
from services.cli.failures import ExitCode, Failure

PATH = "/v1/capacity/feed"
_SILENCE = httpx2.Timeout(60, connect=5)
"""Seconds without a byte after which the connection counts as dead; the service sends a comment when idle."""


def newest(api: Api) -> str:
    """The id of the newest step: following from there begins now, also when the connection breaks before the first."""
    return str(api.get("/v1/capacity", limit=1)["last_event_id"])


def follow(api: Api, last: str, broke: Callable[[str], None]) -> Iterator[httpx2.ServerSentEvent]:
    """Events after `last`, for ever. An event `reset` says that the service no longer has some of them.

    After a break it tells `broke` once the id it goes on from, and connects again. Raises Refused for any answer that
    waiting will not change.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            with api.http.sse(PATH, headers={"Last-Event-ID": last}, timeout=_SILENCE) as source:
                if source.response.is_error:
                    source.response.read()
                    raise Refused(source.response)
                for event in source:
                    last, pause = event.id or last, FIRST_PAUSE
                    if event.data:
                        yield event
        except Refused as refused:
            if refused.status not in PASSING:
                raise
        except httpx2.SSEError:
            raise Failure(ExitCode.NO_NETWORK, f"{api.url}{PATH} answered, but not with a feed.") from None
        except httpx2.TransportError:
            pass  # it broke, like a stream that ended
        if pause == FIRST_PAUSE:
            broke(last)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
