"""Routes whose token, role and query parameters are checked before the body is received."""

from collections import Counter
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY

from services.kit.bounds import MOST_ERRORS, Bounds, excesses
from services.kit.http.auditing import Auditing, Route
from services.kit.http.auth import Require
from services.kit.http.direct import Handle, direct_call
from services.kit.http.problems import REFUSALS, FieldError, Problem, excess_problem

BODY = 1024 * 1024
"""Bytes of a request's body, unless a route sets another limit."""
BOUNDS, BATCH_BOUNDS = Bounds(), Bounds(members=10_000, values=1_000_000)
"""What is in a body in JSON; the second where more bytes than BODY are taken, between services."""
MOST_PARAMETERS = 100
"""Parameters in a query."""


class GuardedRoute(APIRoute):
    """Runs its `Require` dependencies first: FastAPI itself would read and parse the body before any of them.

    Then it refuses query parameters that it does not have, which FastAPI would ignore, and repeated ones (none is a
    list), of which FastAPI would take the last.
    """

    def get_route_handler(self) -> Handle:
        handle = super().get_route_handler()
        handle = direct_call(self.dependant, handle) or handle
        parts = list(_with_dependencies(self.dependant))
        guards = [one.call for one in parts if isinstance(one.call, Require)]
        parameters = sorted({field.alias for one in parts for field in one.query_params})
        audited = getattr(self.endpoint, "audited", "")
        roles = frozenset(role for one in guards for role in one.roles)
        about = Route(self.name, [str(tag) for tag in self.tags], roles, audited == "apart")

        async def guarded(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            if auditing := getattr(request.app.state, "auditing", None):
                auditing.check_purpose(request)
            if query := request.scope["query_string"]:
                if query.count(b"&") >= MOST_PARAMETERS:
                    raise Problem(422, "too_many_parameters", f"The query has more than {MOST_PARAMETERS} parameters.")
                _check_query([name for name, _ in request.query_params.multi_items()], parameters)
            _expect_plain(request)
            return await handle(_Request(request.scope, request.receive))

        async def with_entry(request: Request) -> Response:
            auditing: Auditing | None = getattr(request.app.state, "auditing", None)
            if auditing is None or not auditing.enters(about):
                return await guarded(request)
            return await auditing.run(request, about, guarded)

        return guarded if audited == "never" else with_entry


class _Request(Request):
    """A request whose JSON has bounds, which are checked before anything validates it."""

    async def json(self) -> Any:
        """The body's value; raises Problem 422, and what the decoder raises."""
        value = await super().json()
        batch = self.scope.get(MAX_BODY_SIZE_SCOPE_KEY, BODY) > BODY
        if found := excesses(value, BATCH_BOUNDS if batch else BOUNDS):
            raise excess_problem(found)
        return value


def _expect_plain(request: Request) -> None:
    """Raises Problem 415 for a compressed body, which nobody would decompress."""
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise Problem(415, "unsupported_encoding", "Content-Encoding: send the body as it is, not compressed")


def _with_dependencies(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for one in dependant.dependencies:
        yield from _with_dependencies(one)


def _check_query(given: list[str], known: Collection[str]) -> None:
    """Raise Problem 422, which names every unknown or repeated parameter."""
    wrong = [name for name, times in Counter(given).items() if name not in known or times > 1]
    errors = [
        FieldError(field=name[:100], code="repeated_parameter", message="is given more than once")
        if name in known
        else FieldError(field=name[:100], code="unknown_parameter", message=_unknown(name, known))
        for name in wrong[:MOST_ERRORS]
    ]
    if errors:
        detail = "; ".join(f"{one.field}: {one.message}" for one in errors[:3])
        raise Problem(422, errors[0].code, detail, errors=errors, more_errors=len(wrong) - len(errors))


def _unknown(name: str, known: Collection[str]) -> str:
    if not known:
        return "is no parameter: there is none here"
    near = get_close_matches(name.casefold()[:100], known, 1)
    return f"is no parameter here; did you mean {near[0]}?" if near else f"is none of {', '.join(known)}"


def guarded_router(prefix: str = "", *, tags: list[str], max_body_size: int = BODY, **more: Any) -> APIRouter:
    """A router of guarded routes, each with a bounded body."""
    more |= {"route_class": GuardedRoute, "responses": REFUSALS, "max_body_size": max_body_size}
    return APIRouter(prefix=prefix, tags=list(tags), **more)
