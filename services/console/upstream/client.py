"""Calls of the other services' public APIs with the user's own token; their refusals become `Refusal`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog

log = structlog.get_logger()
PATIENCE = httpx2.Timeout(15, connect=3)
"""Seconds for an answer."""
BROKEN = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
Json = dict[str, Any]
"""An object of an API's answer, with the API's own names."""
Parameter = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class FieldError:
    """A refused field by its dotted path; `code` is stable and chooses the sentence in the user's language."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """An error answer. `errors` are by field; `more` has the other members, such as `allowed_actions`."""

    def __init__(
        self,
        status: int,
        code: str,
        errors: tuple[FieldError, ...] = (),
        more: Mapping[str, Any] | None = None,
        retry_after: int = 0,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.errors = status, code, errors
        self.more, self.retry_after = dict(more or {}), retry_after

    @property
    def beaten(self) -> bool:
        """Whether somebody acted before."""
        return self.status in (409, 412)


class Unavailable(Refusal):
    """A service does not answer, or says that it cannot now; nothing was done. `status` is 503."""

    def __init__(self, code: str = "unavailable", retry_after: int = 1) -> None:
        super().__init__(503, code, retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a cursor-paged list. `total` counts the whole list, where the API does."""

    items: list[Json]
    next: str | None
    total: int | None


class Api:
    """One service's public API, as one user. All calls raise Refusal, and Unavailable when nothing was done."""

    def __init__(self, client: httpx2.AsyncClient, headers: Mapping[str, str]) -> None:
        self._client, self._headers = client, dict(headers)

    async def get(self, path: str, headers: Mapping[str, str] | None = None, **parameters: Parameter) -> Json:
        """The answer's object; asked once more when the connection breaks. Parameters that are None are not sent."""
        answer = await self.read(path, headers, **parameters)
        found: Json = answer.json()
        return found

    async def read(
        self, path: str, headers: Mapping[str, str] | None = None, **parameters: Parameter
    ) -> httpx2.Response:
        """The answer with its headers."""
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            return await self.send("GET", path, headers=headers, params=given)
        except Unavailable as error:
            if error.code != "broken":
                raise
            return await self.send("GET", path, headers=headers, params=given)

    async def page(self, path: str, **parameters: Parameter) -> Page:
        answer = await self.read(path, None, **parameters)
        body: Json = answer.json()
        total = answer.headers.get("X-Total-Count")
        return Page(body["items"], body.get("next"), int(total) if total else None)

    async def every(self, path: str, **parameters: Parameter) -> list[Json]:
        """All items of a cursor-paged list, page by page."""
        page = await self.page(path, **parameters)
        found = page.items
        while page.next:
            page = await self.page(path, **parameters, cursor=page.next)
            found += page.items
        return found

    async def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Json:
        """The answer's object, or an empty one. `headers` may have `Idempotency-Key` or `If-Match`."""
        return _object(await self.send("POST", path, json=body, headers=headers))

    async def put(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Json:
        return _object(await self.send("PUT", path, json=body, headers=headers))

    async def patch(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Json:
        return _object(await self.send("PATCH", path, json=body, headers=headers))

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> httpx2.Response:
        """The answer of one call, which is no error."""
        try:
            answer = await self._client.request(method, path, headers={**self._headers, **(headers or {})}, **options)
        except httpx2.TransportError as error:
            raise self._broken(error) from None
        if answer.is_error:
            raise refusal_of(answer)
        return answer

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, seconds: float = 15, **options: Any
    ) -> AsyncIterator[httpx2.Response]:
        """The answer of one call, to be read in parts; `seconds` may pass between two."""
        all_headers, patience = {**self._headers, **(headers or {})}, httpx2.Timeout(seconds, connect=3)
        try:
            async with self._client.stream(method, path, headers=all_headers, timeout=patience, **options) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise refusal_of(answer)
                yield answer
        except httpx2.TransportError as error:
            raise self._broken(error) from None

    def _broken(self, error: httpx2.TransportError) -> Unavailable:
        """A connection that broke before its answer is another thing than a service that is not there."""
        log.warning("upstream.broken", service=self._client.base_url.host, reason=type(error).__name__)
        return Unavailable("broken" if isinstance(error, BROKEN) else "unavailable")


def refusal_of(answer: httpx2.Response) -> Refusal:
    """What an error answer says; a body that is no problem document leaves the code empty."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    problem: Json = body if isinstance(body, dict) else {}
    code = str(problem.pop("code", ""))
    waiting = answer.headers.get("Retry-After", "")
    seconds = int(waiting) if waiting.isascii() and waiting.isdigit() else 1
    if answer.status_code in (502, 503, 504):
        return Unavailable(code or "unavailable", seconds)
    errors = tuple(
        FieldError(str(one.get("field")), str(one.get("code")), str(one.get("message")))
        for one in problem.pop("errors", [])
    )
    return Refusal(answer.status_code, code, errors, problem, seconds)


def _object(answer: httpx2.Response) -> Json:
    found: Json = answer.json() if answer.content else {}
    return found


@dataclass(frozen=True, slots=True)
class Services:
    """The three services' public APIs, as one user."""

    intake: Api
    referral: Api
    capacity: Api


@dataclass(frozen=True, slots=True)
class Upstream:
    """The connections to the services, which all users share."""

    intake: httpx2.AsyncClient
    referral: httpx2.AsyncClient
    capacity: httpx2.AsyncClient

    def as_user(self, access_token: str, address: str = "", acting_as: str = "") -> Services:
        """The services as the holder of this token, who is at `address`, in the role that was chosen."""
        chosen = {"Acting-As": acting_as} if acting_as else {}
        return self._as({"Authorization": f"Bearer {access_token}", **chosen}, address)

    def as_nobody(self, address: str = "") -> Services:
        """The services as they answer anybody, without a token."""
        return self._as({}, address)

    def _as(self, headers: Mapping[str, str], address: str) -> Services:
        headers = {**headers, "X-Forwarded-For": address} if address else headers
        return Services(*(Api(one, headers) for one in (self.intake, self.referral, self.capacity)))
