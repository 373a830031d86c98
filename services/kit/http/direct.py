"""Endpoints that are called directly: FastAPI would read and write nothing for them, which costs a sixth of a POST."""

from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant

from services.kit.http.auth import Principal, Require

Handle = Callable[[Request], Coroutine[Any, Any, Response]]
_OTHERS = (
    *("path_params", "query_params", "header_params", "cookie_params", "body_params", "http_connection_param_name"),
    *("websocket_param_name", "response_param_name", "background_tasks_param_name", "security_scopes_param_name"),
)
"""What a function may take but the request and dependencies."""


def direct_call(endpoint: Dependant) -> Handle | None:
    """The call of an endpoint that gives a response, and takes only the request, principals, and what comes of it.

    None for any other. The guards of the route have run before it.
    """
    call: Any = endpoint.call
    parts = {one.name: one for one in endpoint.dependencies if not isinstance(one.call, Require)}
    if None in parts or any(one.dependencies for one in parts.values()):
        return None
    if not all(map(_takes_request, (endpoint, *parts.values()))) or call.__annotations__.get("return") is not Response:
        return None
    given: list[tuple[str, Any]] = [
        (one.name, one.call if one.name in parts else _principal) for one in endpoint.dependencies if one.name
    ]

    async def direct(request: Request) -> Response:
        values = {name: await give(request) for name, give in given}
        response: Response = await call(**{str(endpoint.request_param_name): request}, **values)
        return response

    return direct


def _takes_request(one: Dependant) -> bool:
    """Whether it is a coroutine function of the request, and maybe of dependencies."""
    others = any(getattr(one, name) for name in _OTHERS)
    return one.request_param_name is not None and iscoroutinefunction(one.call) and not others


async def _principal(request: Request) -> Principal:
    found: Principal = request.state.principal
    return found
