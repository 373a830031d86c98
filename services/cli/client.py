"""Calls to a service: a problem becomes one sentence, and what may pass by itself is tried again."""

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from services.cli.failures import ExitCode, Failure, no_network
from services.cli.network import is_loopback

T = TypeVar("T")
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
PASSING = frozenset({429, 502, 503, 504})
_CODES = {401: ExitCode.NOT_ALLOWED, 403: ExitCode.NOT_ALLOWED, 404: ExitCode.NOT_FOUND}


class ProblemTold(Failure):
    """A service has said no; `problem` is the document's members, as far as it was one."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        code = ExitCode.NO_NETWORK if status in PASSING else _CODES.get(status, ExitCode.REFUSED)
        super().__init__(code, describe(status, problem))


class Refused(ProblemTold):
    """The whole answer was an error."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(response.status_code, _problem(response))


class Api:
    """One service's public API under its base URL, as the holder of `token`.

    All calls raise Failure: `Refused` for an error answer, exit code 3 when the service cannot be reached.
    """

    def __init__(self, url: str, token: str, transport: httpx2.BaseTransport | None = None) -> None:
        self.url = url
        self.http = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(30, connect=5),
            trust_env=not is_loopback(url),
            verify=url.startswith("https:"),  # without TLS there is nothing to verify, and loading roots takes 0.2 s
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def get(self, path: str, **params: str | int | bool | None) -> Any:
        """The answer's JSON."""
        given = {name: value for name, value in params.items() if value is not None}
        return persistently(lambda: self._call("GET", path, params=given), self.url, pauses=growing(2))

    def post(self, path: str, body: Any) -> Any:
        """The answer's JSON. Sent once more only when the service has said 503: then nothing was done."""
        return persistently(lambda: self._call("POST", path, json=body), self.url, pauses=growing(2), broken=False)

    def put(self, path: str, body: Any) -> Any:
        """The answer's JSON. Sent again whenever that may help: a PUT repeated changes nothing."""
        return persistently(lambda: self._call("PUT", path, json=body), self.url, pauses=growing(4))

    def pages(self, path: str, limit: int | None = None, **params: str | int | bool | None) -> Iterator[Any]:
        """The items of a cursor-paged list, page by page, at most `limit`."""
        cursor, given = None, 0
        while limit is None or given < limit:
            page = self.get(path, cursor=cursor, **params)
            for item in page["items"]:
                if given == limit:
                    return
                given += 1
                yield item
            cursor = page.get("next")
            if not cursor:
                return

    def _call(self, method: str, path: str, **options: Any) -> Any:
        response = self.http.request(method, path, **options)
        if response.is_error:
            raise Refused(response)
        try:
            return response.json()
        except ValueError:
            raise Failure(ExitCode.NO_NETWORK, f"{self.url}{path} answered, but not as Joldama does.") from None


def growing(count: int) -> Iterator[float]:
    """`count` pauses in seconds, each twice as long as the one before, up to a limit."""
    return (min(FIRST_PAUSE * 2**number, LONGEST_PAUSE) for number in range(count))


def patiently(seconds: float) -> Iterator[float]:
    """Growing pauses that add up to `seconds`."""
    spent, pause = 0.0, FIRST_PAUSE
    while spent < seconds:
        yield min(pause, seconds - spent)
        spent, pause = spent + pause, min(pause * 2, LONGEST_PAUSE)


def persistently(
    call: Callable[[], T],
    url: str,
    *,
    pauses: Iterable[float],
    broken: bool = True,
    wait: Callable[[], None] = lambda: None,
) -> T:
    """`call`, again after each of `pauses` while the service says 503 or (with `broken`) the connection breaks.

    `wait` is told before the first pause.
    """
    for number, pause in enumerate([*pauses, None]):
        last = pause is None
        try:
            return call()
        except ProblemTold as refused:
            if last or refused.status not in PASSING:
                raise
        except httpx2.ConnectError:
            if last or not broken:
                raise no_network(f"Nobody answers at {url}.") from None
        except httpx2.TransportError as error:
            if last or not broken:
                reason = type(error).__name__
                raise Failure(ExitCode.NO_NETWORK, f"The connection to {url} broke ({reason}).") from None
        if number == 0:
            wait()
        time.sleep(pause or 0)
    raise AssertionError("the last attempt returns or raises")


def describe(status: int, problem: dict[str, Any]) -> str:
    """A problem in words: the detail, each field on its own line, and what is allowed instead."""
    head = str(problem.get("detail") or problem.get("title") or f"The service answered {status}.")
    if code := problem.get("code"):
        head += f" ({code})"
    fields = [f"{one.get('field')}: {one.get('message')}" for one in problem.get("errors", [])]
    lines = [head, *(f"  {one}" for one in fields if one != problem.get("detail"))]
    if "allowed_actions" in problem:
        lines.append(f"  allowed now: {', '.join(problem['allowed_actions']) or 'nothing'}")
    if status in (401, 403):
        lines.append("  The token is --token, JOLDAMA_TOKEN, or on a local network --as ROLE [--org ID].")
    return "\n".join(lines)


def _problem(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, httpx2.ResponseNotRead):
        return {}
    return body if isinstance(body, dict) else {}
