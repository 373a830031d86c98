"""The processor time that reading one body may take: what takes longer is refused, and the next one is read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_end: ContextVar[float | None] = ContextVar("end", default=None)


class TooMuchWork(Exception):
    """The budget of the body that is being read is spent."""


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Give the body so many seconds of this thread's processor; the body awaits nothing."""
    token = _end.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def check() -> None:
    """Called before each costly step. Raises TooMuchWork when the budget is spent."""
    end = _end.get()
    if end is not None and time.thread_time() > end:
        raise TooMuchWork
