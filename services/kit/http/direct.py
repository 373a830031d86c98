"""Endpoints that are called directly: FastAPI would read and write nothing for them, which costs a sixth of a POST."""

from collections.abc import Callable, Coroutine
from inspect import iscoroutinefunction
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant

from services.kit.http.auth import Principal, Require

Handle = Callable[[Request], Coroutine[Any, Any, Response]]
_OTHERS = (
    *("path_params", "header_params", "cookie_params", "body_params", "http_connection_param_name"),
    *("websocket_param_name", "response_param_name", "background_tasks_param_name", "security_scopes_param_name"),
)
"""What a function may take but the request, dependencies and parameters of the query."""


def direct_call(endpoint: Dependant, with_query: Handle) -> Handle | None:
    """The call of an endpoint that gives a response, and takes only the request, principals, and what comes of it.

    It may take parameters of the query, which are optional: a request that has a query goes `with_query`. None for any
    other endpoint. The guards of the route have run before it.
    """
    call: Any = endpoint.call
    parts = {one.name: one for one in endpoint.dependencies if not isinstance(one.call, Require)}
    if None in parts or any(one.dependencies or one.query_params for one in parts.values()):
        return None
    if any(one.field_info.is_required() for one in endpoint.query_params):
        return None
    if not all(map(_takes_request, (endpoint, *parts.values()))) or call.__annotations__.get("return") is not Response:
        return None
    given: list[tuple[str, Any]] = [
        (one.name, one.call if one.name in parts else _principal) for one in endpoint.dependencies if one.name
    ]
    defaults = {one.name: one.default for one in endpoint.query_params}

    async def direct(request: Request) -> Response:
        if request.scope["query_string"]:
            return await with_query(request)
        values = defaults | {name: await give(request) for name, give in given}
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
