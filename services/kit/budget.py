"""The processor time that reading one body may take: what takes longer is refused, and the next one is read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

SHORT = 60
"""Characters of a text that costs nothing to speak of: asking for the time costs more than reading it."""


class TooMuchWork(Exception):
    """The budget of the body that is being read is spent."""


@dataclass
class _Budget:
    """`end` is in this thread's processor seconds, once the first costly step has come."""

    seconds: float
    end: float | None = None


_current: ContextVar[_Budget | None] = ContextVar("current", default=None)


@contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Give the body so many seconds of this thread's processor, from its first costly step on; it awaits nothing."""
    token = _current.set(_Budget(seconds))
    try:
        yield
    finally:
        _current.reset(token)


def check(text: object = None) -> None:
    """Called before each costly step, with the text that it reads. Raises TooMuchWork when the budget is spent."""
    if (text is not None and not (isinstance(text, str) and len(text) > SHORT)) or (now := _current.get()) is None:
        return
    spent = time.thread_time()
    if now.end is None:
        now.end = spent + now.seconds
    elif spent > now.end:
        raise TooMuchWork
