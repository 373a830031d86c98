"""The capacity feed as an endless sequence of server-sent events, resumed after a break and after a token's end."""

import time
from collections.abc import Callable, Iterator

import httpx2

from services.cli.client import FIRST_PAUSE, LONGEST_PAUSE, Api, refused
from services.cli.failures import PASSING, ExitCode, Failure, Refused

PATH = "/v1/capacity/feed"
TOKEN_ENDED = "token_ended"  # noqa: S105  an event's name
_GO_ON = "The token has ended. To go on: the same command with a new one (--token, or JOLDAMA_TOKEN) and --since {}."
_SILENCE = httpx2.Timeout(60, connect=5)
"""Seconds without a byte after which the connection counts as dead; the service sends a comment when idle."""


def newest(api: Api) -> str:
    """The id of the newest event, from which the feed is followed; known before the first one comes."""
    return str(api.get("/v1/capacity", limit=1)["last_event_id"])


def follow(api: Api, last: str, broke: Callable[[str], None]) -> Iterator[httpx2.ServerSentEvent]:
    """The events after the one with id `last`, without end. An event `reset` says that some are no longer stored.

    A broken connection is resumed; `broke` is called once, with the id of the last event. When the token has ended, the
    feed is resumed with a new one. Raises Refused for an error answer that does not pass, Failure without a new token.
    """
    pause, accepted = FIRST_PAUSE, False
    while True:
        ended = False
        try:
            with api.http.sse(PATH, headers={"Last-Event-ID": last}, timeout=_SILENCE) as source:
                if source.response.is_error:
                    source.response.read()
                    raise refused(source.response)
                accepted = True
                for event in source:
                    if ended := event.event == TOKEN_ENDED:
                        break
                    last, pause = event.id or last, FIRST_PAUSE
                    if event.data:
                        yield event
        except Refused as answer:
            ended = accepted and answer.status == 401
            if not ended and answer.status not in PASSING:
                raise
        except httpx2.SSEError:
            raise Failure(ExitCode.NO_NETWORK, f"{api.url}{PATH} answered, but not with a feed.") from None
        except httpx2.TransportError:
            pass  # handled as a stream that ended
        if ended:
            accepted = False
            if not api.renew():
                raise Failure(ExitCode.NOT_ALLOWED, _GO_ON.format(last))
        elif pause == FIRST_PAUSE:
            broke(last)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
