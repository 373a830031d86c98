"""Every request of a guarded route leaves an entry in the audit log, refused ones too."""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from fastapi import FastAPI, Request, Response

from services.kit.audit import TRAIL, Actor, Entry, Trail
from services.kit.http.auth import Principal
from services.kit.http.problems import Problem
from services.kit.logging import mask

HEADER = "Purpose-Of-Use"
REFUSALS = frozenset({403, 404, 409, 410})
"""The statuses that are entered: the caller may not, or there is none for it. Others say how a request is written."""
STRANGERS = 200
"""Addresses that are told apart between two counts of refused tokens."""
OTHERS = "others"
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handle = Callable[[Request], Awaitable[Response]]


def audited(apart: bool = False, never: bool = False) -> Callable[[Endpoint], Endpoint]:
    """A decorator of a route's function, below the route's own.

    With `apart` its transactions bring entries of their own; with `never` it shows nothing of anyone, and leaves none.
    """

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__["audited"] = "never" if never else "apart" if apart else ""
        return endpoint

    return mark


@dataclass
class Auditing:
    """How an application writes its audit log; in `app.state.auditing`. Without one nothing is entered.

    `record` writes an entry durably; `acting_role(principal, allowed)` is the role by which a principal acts.
    `purposes` are the codes of the header Purpose-Of-Use, `default_purpose` gives one by a route's tags. Routes for
    roles of `processes` alone leave no entry: that of the person who asked is elsewhere.
    """

    record: Callable[[Entry], Awaitable[None]]
    subjects: Collection[str]
    purposes: Collection[str]
    default_purpose: Callable[[Collection[str]], str]
    acting_role: Callable[[Principal, Collection[str]], str]
    processes: frozenset[str] = frozenset()
    strangers: Counter[str] = field(default_factory=Counter)

    def enters(self, route: "Route") -> bool:
        return not route.roles or not self.processes.issuperset(route.roles)

    async def run(self, request: Request, route: "Route", handle: Handle) -> Response:
        """The answer of `handle`, whose entry is durable."""
        trail = Trail(route.name, lambda: self._actor(request, route), apart=route.apart)
        trail.about |= self._about(request.path_params)
        if request.scope["query_string"]:
            trail.about |= self._about(request.query_params)
            trail.detail["filter"] = _outline(request.query_params, trail.about)
        before = TRAIL.set(trail)
        try:
            response = await handle(request)
            refused = "refused" if response.status_code in REFUSALS else ""
        except Problem as problem:
            await self._refused(request, trail, problem)
            raise
        finally:
            if not trail.apart:  # an answer that is sent while it is made brings more entries
                TRAIL.reset(before)
        if not trail.recorded:
            await self.record(trail.entry(refused))
        return response

    async def _refused(self, request: Request, trail: Trail, problem: Problem) -> None:
        if problem.status == 401:
            address = address_of(request)
            known = address in self.strangers or len(self.strangers) < STRANGERS
            self.strangers[address if known else OTHERS] += 1
        elif problem.status in REFUSALS and not trail.recorded:
            await self.record(trail.entry(problem.code))

    async def count_strangers(self) -> None:
        """Enter how many tokens were refused since the last count, by address."""
        counted, self.strangers = self.strangers, Counter()
        for address, count in counted.items():
            await self.record(Entry(Actor(address=address), "refuse_token", "unauthorized", {}, {"count": count}))

    def check_purpose(self, request: Request) -> None:
        """Raises Problem 422 for a purpose that is none of the codes."""
        given = request.headers.get(HEADER)
        if given is not None and given not in self.purposes:
            known = ", ".join(sorted(self.purposes))
            raise Problem.of_field(HEADER, "unknown_purpose", f"must be one of {known}")

    def _actor(self, request: Request, route: "Route") -> Actor:
        principal: Principal | None = getattr(request.state, "principal", None)
        given = request.headers.get(HEADER, "")
        purpose = given if given in self.purposes else self.default_purpose(route.tags)
        if principal is None:
            return Actor(purpose=purpose, address=address_of(request))
        role = self.acting_role(principal, route.roles)
        return Actor(principal.person, role, principal.org, purpose, address_of(request))

    def _about(self, given: Mapping[str, object]) -> dict[str, str]:
        """Ids as they are kept, however they are written; what is no id is left out, for it may be an IIN."""
        return {name: id for name in self.subjects if name in given and (id := _id(given[name]))}


@dataclass(frozen=True, slots=True)
class Route:
    """What the audit log needs of a route: its name is the act."""

    name: str
    tags: Collection[str]
    roles: Collection[str]
    apart: bool


def describe_purpose(app: FastAPI, purposes: Iterable[str], default_purpose: Callable[[Collection[str]], str]) -> None:
    """Add the header to every route in the OpenAPI of `app`, with its codes and the route's default."""
    make, codes = app.openapi, [str(one) for one in purposes]

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            for described in (one for methods in make()["paths"].values() for one in methods.values()):
                schema = {"type": "string", "enum": codes, "default": str(default_purpose(described["tags"]))}
                why = "For what the request is, in the audit log"
                header = {"name": HEADER, "in": "header", "required": False, "description": why, "schema": schema}
                described["parameters"] = [*described.get("parameters", ()), header]
        return make()

    app.openapi = openapi  # type: ignore[method-assign]


def address_of(request: Request) -> str:
    """The address of the request's sender, as the server says: a header counts only of a trusted proxy."""
    return request.client.host[:45] if request.client else ""


def _id(given: object) -> str:
    try:
        return str(UUID(str(given)))
    except ValueError:
        return ""


def _outline(query: Mapping[str, str], about: Collection[str]) -> dict[str, str]:
    return {mask(name[:40]): mask(value[:100]) for name, value in list(query.items())[:20] if name not in about}
