"""Waiting on a condition, never on the clock."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def eventually(condition: Callable[[], Awaitable[T | None]], message: str = "", *, within: float = 15.0) -> T: ...
@overload
async def eventually(condition: Callable[[], T | None], message: str = "", *, within: float = 15.0) -> T: ...
async def eventually(condition: Callable[[], Any], message: str = "", *, within: float = 15.0) -> Any:
    """The first truthy answer of `condition`, which may be async.

    An AssertionError of the condition means "not yet". After `within` seconds the test fails with `message`
    and the last answer or assertion.
    """
    give_up, pause = time.monotonic() + within, 0.01
    while True:
        last: object
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() > give_up:
            name = message or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"not within {within:g} s: {name} (last: {last!r})")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.25)
