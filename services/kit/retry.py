"""Retrying with backoff and jitter, by stamina: each retry is logged and counted under its step's name."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina
import structlog

from services.kit.errors import reason_of
from services.kit.metrics import retries

log = structlog.get_logger()
T = TypeVar("T")
Failures = type[Exception] | tuple[type[Exception], ...]


async def retry(
    step: str, call: Callable[[], Awaitable[T]], on: Failures, *, first: float = 0.1, longest: float = 5.0
) -> T:
    """The result of `call`, repeated while it raises one of `on`; pauses grow from `first` to `longest` seconds."""

    def passes(error: Exception) -> bool:
        if not isinstance(error, on):
            return False
        retries.labels(step).inc()
        log.warning(f"{step}.retrying", reason=reason_of(error))
        return True

    try:
        return await call()  # nearly always: what retries is made where it is needed only, for it costs more than most
    except on as error:
        failures = [error]
    attempts = stamina.retry_context(
        on=passes, attempts=None, timeout=None, wait_initial=first, wait_max=longest, wait_jitter=first
    )
    async for attempt in attempts:
        with attempt:
            if failures:
                raise failures.pop()
            return await call()
    raise AssertionError("a retry without a limit ended")
