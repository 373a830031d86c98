"""Traces, when there is an endpoint for them; otherwise nothing is done. W3C Trace Context says whose child a span is.

A span has routes, types of events and ids: never a name, a phone or an IIN, and no text of an error.
"""

import random
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from structlog.typing import EventDict, WrappedLogger

S = TypeVar("S")
T = TypeVar("T")
HEADER = "traceparent"
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Work:
    """What a span is of. `subject` is an id of what it works on; `parent` the traceparent that it continues."""

    name: str
    subject: str = ""
    parent: str | None = None
    attributes: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(slots=True)
class Span:
    """`trace`, `id` and `parent` in hexadecimal, times in nanoseconds since 1970; only sampled ones are sent."""

    name: str
    kind: str
    trace: str
    parent: str
    sampled: bool
    attributes: dict[str, str | int]
    links: "tuple[Span, ...]" = ()
    failed: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    began: int = field(default_factory=time.time_ns)
    ended: int = 0

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.id}-0{int(self.sampled)}"


class Sender(Protocol):
    def add(self, span: Span) -> None:
        """Send it later; waits for nothing."""
        ...


_sender: Sender | None = None
_share = 1.0
_under_way: ContextVar[Span | None] = ContextVar("span", default=None)
_by_subject: ContextVar[Mapping[str, str]] = ContextVar("traceparents", default=MappingProxyType({}))


def set_up(service: str, endpoint: str, share: float = 1.0) -> None:
    """Send this process's spans by OTLP/HTTP to `endpoint`/v1/traces; nothing without an endpoint.

    Of the traces that begin here so large a `share` is sent; of others what their beginning has decided.
    """
    global _sender, _share
    if endpoint:
        from services.kit.otlp import OtlpSender

        _sender, _share = OtlpSender(service, endpoint), share


def is_on() -> bool:
    return _sender is not None


def current() -> str | None:
    """The traceparent of the span under way; None without one."""
    one = _under_way.get()
    return one.traceparent if one else None


def of_subject(subject: str) -> str | None:
    """The traceparent of the work under way on `subject`, else of the span under way."""
    return _by_subject.get().get(subject) or current()


def carried(work: Callable[[S], T]) -> Callable[[S], T]:
    """`work`, which knows the span under way in another thread too."""
    if _sender is None:
        return work
    context = copy_context()
    return lambda given: context.run(work, given)


@contextmanager
def span(kind: str, work: Work) -> Iterator[Span]:
    """A span that is under way while the body runs. Only where `is_on()`."""
    one = _start(kind, work)
    token = _under_way.set(one)
    try:
        with _noting_errors([one]):
            yield one
    finally:
        _under_way.reset(token)
        _end(one)


@contextmanager
def spans(kind: str, works: Iterable[Work], together: str = "") -> Iterator[None]:
    """A span for each of `works` while the body runs, by which `of_subject` then answers.

    With `together` a single one is under way, and of several another one of that name, linked to each.
    """
    if _sender is None:
        yield
        return
    given = list(works)
    started = [_start(kind, one) for one in given]
    whole = _whole(kind, started, together)
    subjects = {work.subject: one.traceparent for work, one in zip(given, started, strict=True)}
    before = _by_subject.set({**_by_subject.get(), **subjects})
    token = _under_way.set(whole or _under_way.get())
    try:
        with _noting_errors(started):
            yield
    finally:
        _under_way.reset(token)
        _by_subject.reset(before)
        for one in (*started, *([whole] if whole and len(started) > 1 else ())):
            _end(one)


def _whole(kind: str, started: list[Span], name: str) -> Span | None:
    if not (name and started):
        return None
    if len(started) == 1:
        return started[0]
    one = _start(kind, Work(name))
    one.sampled, one.links = any(each.sampled for each in started), tuple(started)
    return one


@contextmanager
def _noting_errors(these: Iterable[Span]) -> Iterator[None]:
    """The kind of an error only: its text may have anything in it."""
    try:
        yield
    except Exception as error:
        for one in these:
            one.attributes["error.type"], one.failed = type(error).__name__, True
        raise


def _start(kind: str, work: Work) -> Span:
    if read := _TRACEPARENT.fullmatch(work.parent or ""):
        trace, parent, flags = read.groups()
        return Span(work.name, kind, trace, parent, bool(int(flags, 16) & 1), dict(work.attributes))
    sampled = random.random() < _share  # noqa: S311  of which traces are kept nothing depends
    return Span(work.name, kind, secrets.token_hex(16), "", sampled, dict(work.attributes))


def _end(one: Span) -> None:
    one.ended = time.time_ns()
    if _sender is not None and one.sampled:
        _sender.add(one)


def add_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A structlog processor: `trace_id` and `span_id` of the span under way."""
    if one := _under_way.get():
        event["trace_id"], event["span_id"] = one.trace, one.id
    return event


def client_hooks() -> dict[str, list[Any]]:
    """Hooks of an HTTP client to another service, which carry the span under way to it."""
    return {"request": [_carry]} if _sender is not None else {}


async def _carry(request: Any) -> None:
    if written := current():
        request.headers[HEADER] = written
