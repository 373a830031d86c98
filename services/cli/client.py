"""The HTTP client of the services: problems become one sentence, and passing failures are retried."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self, TypeVar

import httpx2

from services.cli.failures import PASSING, ExitCode, Failure, NoNetwork, Refused, Unreachable
from services.cli.network import is_loopback

T = TypeVar("T")
Params = str | int | bool | None
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0


class Api:
    """One service's public API under its base URL, with the bearer token `token`; an answer may take `seconds`.

    `new_token` makes the next one for `renew`. All calls raise Failure: `Refused` for an error answer, `Unreachable`
    without an answer.
    """

    def __init__(self, url: str, token: str, seconds: float = 30, new_token: Callable[[], str] | None = None) -> None:
        self.url = url
        self._token, self._new_token = token, new_token
        self.http = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(seconds, connect=5),
            trust_env=not is_loopback(url),
            verify=url.startswith("https:"),  # without TLS there is nothing to verify, and loading roots takes 0.2 s
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def renew(self) -> bool:
        """Go on with a new token; False when there is none."""
        if not self._new_token or (token := self._new_token()) == self._token:
            return False
        self._token = token
        self.http.headers["Authorization"] = f"Bearer {token}"
        return True

    def get(self, path: str, **params: Params) -> Any:
        """The answer's JSON. Parameters that are None are not sent."""
        given = {name: value for name, value in params.items() if value is not None}
        return persistently(lambda: self._json("GET", path, params=given), 0.6)

    def post(self, path: str, body: Any) -> Any:
        """The answer's JSON. Retried only after 503, which says that nothing was done."""
        return persistently(lambda: self._json("POST", path, json=body), 0.6, broken=False)

    def put(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON. Retried after any passing failure: a repeated PUT does no harm."""
        return persistently(lambda: self._json("PUT", path, json=body, headers=headers), 3)

    def patch(self, path: str, body: Any) -> Any:
        """The answer's JSON. Retried after any passing failure: the same correction again changes nothing."""
        return persistently(lambda: self._json("PATCH", path, json=body), 3)

    def pages(self, path: str, **params: Params) -> Iterator[Any]:
        """The items of a cursor-paged list, page by page."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, **params)
            yield from page["items"]
            cursor = page.get("next")
            if not cursor:
                return

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """The answer of one call, which is no error."""
        try:
            response = self.http.request(method, path, **options)
        except UnicodeEncodeError:  # an argument's bytes that are no text, as Python keeps them
            raise Failure(ExitCode.USAGE, "What was typed holds bytes that are not UTF-8: type it again.") from None
        except httpx2.ConnectError:
            raise NoNetwork(f"No service answers at {self.url}.") from None
        except httpx2.TransportError as error:
            raise Unreachable(f"The connection to {self.url} broke ({type(error).__name__}).") from None
        if response.is_error:
            raise refused(response)
        return response

    def _json(self, method: str, path: str, **options: Any) -> Any:
        response = self.send(method, path, **options)
        try:
            return response.json()
        except ValueError:
            raise Failure(ExitCode.NO_NETWORK, f"{self.url}{path} answered, but not as Joldama does.") from None


def growing_pauses(seconds: float) -> Iterator[float]:
    """Pauses that add up to `seconds`, each twice as long as the last, up to LONGEST_PAUSE."""
    spent, pause = 0.0, FIRST_PAUSE
    while seconds - spent > 1e-9:
        yield min(pause, seconds - spent)
        spent, pause = spent + pause, min(pause * 2, LONGEST_PAUSE)


def persistently(
    call: Callable[[], T], patience: float, *, broken: bool = True, wait: Callable[[], None] = lambda: None
) -> T:
    """The result of `call`, retried after 503 and (with `broken`) after a broken connection.

    The pauses between add up to `patience` seconds; `wait` is called before the first.
    """
    for number, pause in enumerate(growing_pauses(patience)):
        try:
            return call()
        except Refused as failure:
            if failure.status not in PASSING:
                raise
        except Unreachable:
            if not broken:
                raise
        if number == 0:
            wait()
        time.sleep(pause)
    return call()


def refused(response: httpx2.Response) -> Refused:
    try:
        body = response.json()
    except (ValueError, httpx2.ResponseNotRead):
        body = None
    return Refused(response.status_code, body if isinstance(body, dict) else {})
