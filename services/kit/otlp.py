"""Spans by OTLP/HTTP in JSON, sent from a thread beside: what cannot be sent is dropped, and nothing waits for it.

Source: OpenTelemetry protocol 1.9, ExportTraceServiceRequest.
"""

import atexit
import json
from collections import deque
from threading import Event, Thread
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import structlog

from services.kit.errors import reason_of
from services.kit.tracing import Span

log = structlog.get_logger()
KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
EVERY = 0.5
"""Seconds between two requests."""
MOST, WAITING = 500, 20_000
"""Spans of one request, and spans that wait; of more the oldest are dropped."""
PATIENCE = 5.0
"""Seconds for an answer, and for what still waits at the process's end."""


class OtlpSender:
    """The Sender of the process's spans, as those of `service`."""

    def __init__(self, service: str, endpoint: str) -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces"
        self._resource = {"attributes": _attributes({"service.name": service, "service.namespace": "joldama"})}
        self._waiting: deque[Span] = deque(maxlen=WAITING)
        self._ending = Event()
        self._thread = Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def add(self, span: Span) -> None:
        self._waiting.append(span)

    def close(self) -> None:
        """Send what waits; called at the process's end."""
        self._ending.set()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        while not self._ending.wait(EVERY):
            self._send_waiting()
        self._send_waiting()

    def _send_waiting(self) -> None:
        while batch := [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]:
            try:
                self._send(batch)
            except (URLError, OSError, ValueError) as error:
                log.warning("traces.not_sent", spans=len(batch), reason=reason_of(error))
                return

    def _send(self, batch: list[Span]) -> None:
        spans = [{"scope": {"name": "joldama"}, "spans": [_written(one) for one in batch]}]
        body = json.dumps({"resourceSpans": [{"resource": self._resource, "scopeSpans": spans}]}).encode()
        request = Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310  the operator's setting
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            answer.read()


def _written(one: Span) -> dict[str, Any]:
    return {
        "traceId": one.trace, "spanId": one.id, "parentSpanId": one.parent, "flags": 1, "name": one.name,
        "kind": KINDS[one.kind], "startTimeUnixNano": str(one.began), "endTimeUnixNano": str(one.ended),
        "attributes": _attributes(one.attributes),
        "links": [{"traceId": each.trace, "spanId": each.id} for each in one.links],
        "status": {"code": 2} if one.failed else {},
    }  # fmt: skip


def _attributes(values: dict[str, str | int]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(one)} if isinstance(one, int) else {"stringValue": one}}
        for key, one in values.items()
    ]
