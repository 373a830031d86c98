"""Routes whose token and role are checked on the headers alone, before the body is received."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from services.kit.http.auth import Require
from services.kit.http.problems import Problem

BODY = 1024 * 1024
"""Bytes of a request's body, unless a route sets another limit."""


class GuardedRoute(APIRoute):
    """Runs its `Require` dependencies first: FastAPI itself would read and parse the body before any of them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, guards = super().get_route_handler(), list(_guards(self.dependant))

        async def guarded(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            _expect_plain(request)
            return await handle(request)

        return guarded


def _expect_plain(request: Request) -> None:
    """Raises Problem 415 for a compressed body, which nobody would decompress."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise Problem(415, "unsupported_encoding", "Content-Encoding: send the body as it is, not compressed")


def _guards(dependant: Dependant) -> Iterator[Require]:
    for one in dependant.dependencies:
        if isinstance(one.call, Require):
            yield one.call
        yield from _guards(one)


def guarded_router(prefix: str = "", *, tags: list[str], max_body_size: int = BODY, **more: Any) -> APIRouter:
    """A router of guarded routes, each with a bounded body."""
    return APIRouter(prefix=prefix, tags=list(tags), route_class=GuardedRoute, max_body_size=max_body_size, **more)
