"""What the store holds and no script wrote so: each is logged and counted once in a process, and the rest goes on."""

from functools import lru_cache

import structlog

from services.capacity.metrics import unreadable

log = structlog.get_logger()


@lru_cache(maxsize=1000)
def set_aside(what: str, id: str, reason: str) -> None:
    """Report a step, a claim or a programme that cannot be read."""
    log.error("capacity.unreadable", what=what, id=id, reason=reason)
    unreadable.labels(what).inc()
