"""A receiver of traces by OTLP/HTTP in JSON, on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True, slots=True)
class Span:
    """`service` is the process that sent it; `parent` the id of its parent, empty for a trace's first."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    links: tuple[str, ...]
    """The ids of linked spans."""


@dataclass
class Receiver:
    """`bodies` are the requests as they came."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        return [span for body in tuple(self.bodies) for span in _read(json.loads(body))]

    def trace(self, trace_id: str) -> list[Span]:
        return [one for one in self.spans if one.trace == trace_id]


@contextmanager
def receiving_traces() -> Iterator[Receiver]:
    """The receiver, until the end of the body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


def _read(request: dict[str, Any]) -> Iterator[Span]:
    for resource in request["resourceSpans"]:
        service = _values(resource["resource"]["attributes"])["service.name"]
        for scope in resource["scopeSpans"]:
            for one in scope["spans"]:
                links = tuple(link["spanId"] for link in one.get("links", ()))
                attributes, parent = _values(one.get("attributes", ())), one.get("parentSpanId", "")
                yield Span(service, one["name"], one["traceId"], one["spanId"], parent, attributes, links)


def _values(attributes: Any) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in attributes}
