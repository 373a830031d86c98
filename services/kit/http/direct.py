"""Endpoints that are called directly: what FastAPI does at each request for them costs more than a short answer."""

from collections.abc import Callable, Coroutine, Mapping
from functools import lru_cache
from inspect import iscoroutinefunction
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from starlette.datastructures import Headers, QueryParams

from services.kit.http.auth import Require

Handle = Callable[[Request], Coroutine[Any, Any, Response]]
RawHeaders = tuple[tuple[bytes, bytes], ...]
Values = tuple[dict[str, Any], ...]
"""The parameters of an endpoint and of each of its dependencies."""
REMEMBERED, LONGEST = 1_000, 300
"""Addresses of a route whose parameters are not validated again, and the bytes of their queries and headers."""
_OTHERS = (
    *("cookie_params", "body_params", "http_connection_param_name"),
    *("websocket_param_name", "response_param_name", "background_tasks_param_name", "security_scopes_param_name"),
)
"""What a function may take but the request, dependencies, and parameters of the path, the query and the header."""


def direct_call(endpoint: Dependant, by_fastapi: Handle) -> Handle | None:
    """The call of an endpoint that gives a response, and takes only the request, principals, and parameters of path,
    query and header, or what comes of these. None for any other endpoint.

    A request whose parameters are wrong goes `by_fastapi`, which says so. The guards of the route have run before it.
    """
    call: Any = endpoint.call
    parts = [one for one in endpoint.dependencies if not isinstance(one.call, Require)]
    principals = [str(one.name) for one in endpoint.dependencies if one.name and one not in parts]
    if any(one.dependencies or one.name is None for one in parts) or not all(map(_is_plain, (endpoint, *parts))):
        return None
    if call.__annotations__.get("return") is not Response:
        return None
    read = _reader((endpoint, *parts))

    async def direct(request: Request) -> Response:
        values = read(request)
        if values is None:
            return await by_fastapi(request)
        given = values[0] | dict.fromkeys(principals, getattr(request.state, "principal", None))
        for part, own in zip(parts, values[1:], strict=True):
            made: Any = part.call
            given[str(part.name)] = await made(**own, **_of_request(part, request))
        response: Response = await call(**given, **_of_request(endpoint, request))
        return response

    return direct


def _reader(parts: tuple[Dependant, ...]) -> Callable[[Request], Values | None]:
    """Reads a request's parameters for each of `parts`; None when one is wrong. They depend on address and headers."""
    wanted = {field.alias.encode() for one in parts for field in one.header_params}

    def read(path: tuple[tuple[str, str], ...], query: bytes, headers: RawHeaders) -> Values | None:
        given = dict(path), QueryParams(query), Headers(raw=list(headers))
        found = [_arguments(one, *given) for one in parts]
        return None if None in found else tuple(one for one in found if one is not None)

    remembered = lru_cache(maxsize=REMEMBERED)(read)

    def of_request(request: Request) -> Values | None:
        query: bytes = request.scope["query_string"]
        headers = tuple(one for one in request.scope["headers"] if one[0] in wanted) if wanted else ()
        short = len(query) <= LONGEST and sum(len(value) for _, value in headers) <= LONGEST
        return (remembered if short else read)(tuple(request.path_params.items()), query, headers)

    return of_request


def _arguments(one: Dependant, path: Mapping[str, str], query: QueryParams, headers: Headers) -> dict[str, Any] | None:
    of_path, wrong_path = request_params_to_args(one.path_params, path)
    of_query, wrong_query = request_params_to_args(one.query_params, query)
    of_header, wrong_header = request_params_to_args(one.header_params, headers)
    return None if wrong_path or wrong_query or wrong_header else of_path | of_query | of_header


def _is_plain(one: Dependant) -> bool:
    """Whether it is a coroutine function that takes nothing else."""
    return iscoroutinefunction(one.call) and not any(getattr(one, name) for name in _OTHERS)


def _of_request(one: Dependant, request: Request) -> dict[str, Request]:
    return {one.request_param_name: request} if one.request_param_name else {}
