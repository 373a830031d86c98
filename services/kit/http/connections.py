"""HTTP connections with bounds: sizes and counts of headers, times, and how many there are, in all and per address.

uvicorn's protocol on httptools has none of these (ADR 18). No timer is set: a server looks at its connections each
second (`cut_overdue`).
"""

from http import HTTPStatus
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.kit.http.connection_bounds import Addresses, Bounds
from services.kit.http.problems import SECURITY_HEADERS, Problem
from services.kit.metrics import http_cut

PATIENCE = "joldama.patience"
"""The extension of a request's scope that allows a slow body."""
UNSENT = 128 * 1024
"""Bytes of an endless answer that the kernel keeps for its client."""
PIPELINED = 16
"""Requests that may wait behind one on the same connection."""


def allow_slow_body(scope: Scope) -> None:
    """Let this request's body take any time, with pauses of `slow_body_idle`: for large files over a slow line."""
    if found := scope.get("extensions", {}).get(PATIENCE):
        found["connection"].be_patient()


def buffer_little(scope: Scope) -> None:
    """Let the kernel keep little of this request's answer for a client that does not read: it would be megabytes."""
    if found := scope.get("extensions", {}).get(PATIENCE):
        found["connection"].buffer_little()


def cut(scope: Scope) -> None:
    """End this request's connection at once, whatever of its answer is unsent."""
    if found := scope.get("extensions", {}).get(PATIENCE):
        found["connection"].cut()


class _Refused(Exception):
    """A request that is not read on."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = Problem(status, code, detail)


def _too_large() -> _Refused:
    return _Refused(431, "headers_too_large", "The request's line and headers are too large, or too many.")


class BoundedProtocol(HttpToolsProtocol):
    """A connection within `bounds`; its refusals are problem documents, and it ends after each."""

    def __init__(self, bounds: Bounds, addresses: Addresses, **given: Any) -> None:
        super().__init__(**given)
        self._bounds, self._addresses = bounds, addresses
        self._refused = self._in_head = self._began = False
        self._deadline, self._body_ends = 0.0, 0.0
        self._idle = bounds.body_idle
        self._taken = self._headers = self._head = self._overhead = self._body = 0
        self._stalled_at: float | None = None
        self._closing_at: float | None = None

    # What uvicorn calls

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start_head()
        entered = self._addresses.enter(self._address)
        if len(self.connections) > self._bounds.connections:
            self._refuse(_full("The server has as many connections as it takes."), "connections")
        elif not entered:
            self._refuse(_full("The server has as many connections as it takes from one address."), "address")

    def connection_lost(self, exc: Exception | None) -> None:
        self._addresses.leave(self._address)
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        if not self._deadline:
            self._start_head()
        self._began, self._taken = False, 0
        try:
            self.parser.feed_data(data)
            if not self._began:  # else it is not known where in `data` the request begins
                self._overhead += len(data) - self._taken
            if self._overhead > self._bounds.head_bytes + 8 * self._body:  # chunks of one byte take 6
                raise _too_large()
        except httptools.HttpParserUpgrade:  # we have no other protocol: the request is answered, and is the last one
            self.cycle.keep_alive = False
        except httptools.HttpParserError as error:
            refused = error.__context__ if isinstance(error.__context__, _Refused) else None
            self._refuse(refused.problem if refused else _malformed(), "malformed")
        except _Refused as error:
            self._refuse(error.problem, "malformed")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise _Refused(429, "too_many_requests", "Too many requests wait on this connection.")
        super().on_message_begin()
        self._start_head()
        self._began = True
        self._headers = self._head = self._overhead = self._body = 0
        self._idle = self._bounds.body_idle

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._headers += 1
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self.scope["extensions"] = {PATIENCE: {"connection": self}}
        now = self.loop.time()
        self._in_head, self._deadline, self._body_ends = False, now + self._idle, now + self._bounds.body_seconds
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._taken += len(body)
        self._body += len(body)
        self._deadline = self.loop.time() + self._idle
        if self.cycle.response_complete:
            if self._body > self._bounds.unread_bytes:
                self.flow.pause_reading()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self._start_head()
        else:
            self._deadline = self._body_ends = 0.0

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:  # the rest of the body is dropped, within bounds
            self._unset_keepalive_if_required()
            self._idle, self._body = self._bounds.unread_body, 0
            self._deadline = self._body_ends = self.loop.time() + self._idle

    def pause_writing(self) -> None:
        self._stalled_at = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stalled_at = None
        super().resume_writing()

    # Ours

    def be_patient(self) -> None:
        """For the request that is being received."""
        self._idle = self._bounds.slow_body_idle
        self._body_ends = 0.0
        if self._deadline:
            self._deadline = self.loop.time() + self._idle

    def buffer_little(self) -> None:
        self.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, UNSENT)

    def cut(self) -> None:
        """Without waiting for what is unsent."""
        self._abort("unread")

    def cut_if_overdue(self, now: float) -> None:
        """Called each second; `now` is the loop's time."""
        if self.transport.is_closing():
            self._closing_at = self._closing_at or now
            if now >= self._closing_at + self._bounds.send_idle:
                self._abort("unsent")
        elif self._stalled_at is not None and now >= self._stalled_at + self._bounds.send_idle:
            self._abort("unread")
        elif self._deadline and self._awaited:
            if now >= self._deadline or (self._body_ends and now >= self._body_ends):
                self._time_out()
        elif self._deadline and self.flow.read_paused:  # it waits for us
            self._deadline = now + self._idle
            self._body_ends = self._body_ends and max(self._body_ends, self._deadline)

    def put_off(self, seconds: float) -> None:
        """Every time-out, by the `seconds` for which nothing was read."""
        self._deadline = self._deadline and self._deadline + seconds
        self._body_ends = self._body_ends and self._body_ends + seconds
        self._stalled_at = None if self._stalled_at is None else self._stalled_at + seconds

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _awaited(self) -> bool:
        """Whether it is the client whom we wait for."""
        answered = self.cycle is not None and self.cycle.response_complete
        return self._in_head or answered or not self.flow.read_paused

    def _start_head(self) -> None:
        self._in_head, self._body_ends = True, 0.0
        self._deadline = self.loop.time() + self._bounds.head_seconds

    def _count_head(self, size: int) -> None:
        self._head += size
        if self._head > self._bounds.head_bytes or self._headers > self._bounds.headers:
            raise _too_large()

    def _time_out(self) -> None:
        silent = self._in_head and not self._overhead and not self._began
        answered = not self._in_head and self.cycle is not None and self.cycle.response_complete
        if silent or answered:
            http_cut.labels("idle").inc()
            self.transport.close()
        else:
            self._refuse(Problem(408, "too_slow", "The request did not arrive in time."), "slow")

    def _refuse(self, problem: Problem, reason: str) -> None:
        """End the connection, with this answer unless another one has begun."""
        http_cut.labels(reason).inc()
        self._refused, self._deadline = True, 0.0
        cycle = self.cycle
        under_way = cycle is not None and not cycle.response_complete
        if under_way and not cycle.more_body and not self.pipeline:  # a whole request before this one is being answered
            cycle.keep_alive = False
            return
        if under_way:
            cycle.disconnected = True
            cycle.message_event.set()
        if not (under_way and (cycle.response_started or self.pipeline)):
            self.transport.write(_raw(problem, self.server_state.default_headers))
        self.pipeline.clear()
        self.transport.close()

    def _abort(self, reason: str) -> None:
        http_cut.labels(reason).inc()
        self.transport.abort()


def _full(detail: str) -> Problem:
    return Problem(503, "too_many_connections", detail, headers={"Retry-After": "1"})


def _malformed() -> Problem:
    return Problem(400, "malformed_request", "This is no HTTP request.")


def _raw(problem: Problem, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    """The problem as a whole HTTP/1.1 answer, the last of its connection."""
    answer = problem.response()
    headers = [*default_headers, *answer.raw_headers, *SECURITY_HEADERS, (b"connection", b"close")]
    lines = b"".join(b"%s: %s\r\n" % one for one in headers)
    status = HTTPStatus(problem.status)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, status.phrase.encode(), lines, bytes(answer.body))
