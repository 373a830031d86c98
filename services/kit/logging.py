"""Logging: events with ids, one JSON object a line; never a name, a phone or an IIN."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import stamina
import structlog
from structlog.typing import EventDict, WrappedLogger

from services.kit.tracing import add_ids

_TWELVE_DIGITS = re.compile(r"(?<![0-9a-fA-F-])[0-9]{12}(?![0-9a-fA-F-])")
_PHONE = re.compile(r"(\+[1-9])[0-9]{6,14}")


def mask(value: Any) -> Any:
    """`value` without phone numbers and IINs at any depth; a value that is no JSON becomes its masked repr."""
    if isinstance(value, str):
        return _TWELVE_DIGITS.sub("…", _PHONE.sub(r"\1…", value))
    if isinstance(value, int):
        return "…" if 10**11 <= value < 10**12 else value
    if isinstance(value, Mapping):
        return {mask(key): mask(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(one) for one in value]
    return value if value is None or isinstance(value, float) else mask(repr(value))


def mask_personal(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A structlog processor, the last guard: IINs and phone numbers are masked."""
    return {key: mask(value) for key, value in event.items()}


def configure_logging(service: str, level: str = "info") -> None:
    """Send structlog's and the standard library's logs to standard error as JSON lines."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        add_ids,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_personal,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.contextvars.bind_contextvars(service=service)
    stamina.instrumentation.set_on_retry_hooks(())  # services.kit.retry says each retry by its step's name
    for quiet in ("httpx2", "httpcore", "aiokafka", "uvicorn.access"):
        logging.getLogger(quiet).setLevel(logging.WARNING)
