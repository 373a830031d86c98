"""The referral worker, a thin Faust app: `python -m services.referral.entrypoints.worker`."""

import asyncio
import os
import sys
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import faust
import structlog

from services.contracts import topics
from services.kit.http.server import probes
from services.kit.logging import configure_logging
from services.referral.entrypoints.broker import credentials
from services.referral.entrypoints.consuming import Consumers, open_consumers
from services.referral.entrypoints.watching import begin_where_known
from services.referral.settings import ReferralSettings

log = structlog.get_logger()
GRACE = 10.0
"""Seconds that a batch under way has to end when the worker is told to stop."""


async def finish(step: Awaitable[None]) -> None:
    """Wait for `step` even when cancelled: to return early would acknowledge what has not been done."""
    task = asyncio.ensure_future(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=GRACE)
        finally:
            if not task.done() or task.exception():
                log.warning("worker.left_a_batch", reason="it will be taken again")
                os._exit(os.EX_TEMPFAIL)
        raise


async def hold(app: faust.App) -> None:
    """Keep the batch until somebody looks and ends the worker: to return, or to raise, would acknowledge it.

    The app's own end would wait for this batch for ever, so its first step ends the process.
    """
    try:
        await app.wait_until_stopped()
    finally:
        os._exit(os.EX_TEMPFAIL)


def build(settings: ReferralSettings) -> faust.App:
    """The app: one agent a topic, raw bytes in, batches to the settlers. It connects when it is started."""
    app = faust.App(
        settings.worker_app,
        broker=f"kafka://{settings.kafka_servers.replace(',', ';kafka://')}",
        broker_credentials=credentials(settings),
        autodiscover=False,
        web_enabled=False,
        datadir=Path(gettempdir()),  # no table writes there, but the folder must be writable
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{settings.worker_group}.{settings.worker_instance}",
        broker_session_timeout=10,
        broker_commit_interval=1.0,
        consumer_metadata_max_age_ms=10_000,  # a topic that was away for a moment is assigned again after so long
        key_serializer="raw",
        value_serializer="raw",
    )
    stack, opened = AsyncExitStack(), asyncio.Event()
    consumers: dict[str, Consumers] = {}

    @app.task  # type: ignore[untyped-decorator]
    async def serve() -> None:
        consumers["all"] = await stack.enter_async_context(open_consumers(settings))
        await stack.enter_async_context(probes(consumers["all"].health, settings))
        opened.set()

    for name in topics.ALL:
        _agent(app, settings, name, opened, consumers)
    return app


def _agent(
    app: faust.App, settings: ReferralSettings, name: str, opened: asyncio.Event, consumers: dict[str, Consumers]
) -> None:
    async def consume(stream: Any) -> None:
        await opened.wait()
        async for batch in stream.take_events(settings.worker_batch, within=settings.worker_within):
            try:
                await finish(consumers["all"].take(name, [event.message for event in batch]))
            except Exception as error:  # too many dead in a row, or a fault of ours
                consumers["all"].stop(f"{type(error).__name__}: {error}")
                await hold(app)

    consume.__name__ = name.partition(".")[0]
    app.agent(app.topic(topics.topic(settings.topic_prefix, name)), concurrency=1)(consume)


def main() -> None:
    settings = ReferralSettings()
    configure_logging("referral-worker", settings.log_level)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(begin_where_known(settings))
    worker = faust.Worker(build(settings), loglevel="WARN", redirect_stdouts=False, override_logging=False, loop=loop)
    sys.exit(worker.execute_from_commandline())


if __name__ == "__main__":
    main()
