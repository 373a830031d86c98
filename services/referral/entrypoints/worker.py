"""The referral worker, a thin Faust app: `python -m services.referral.entrypoints.worker`."""

import asyncio
import sys
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import faust

from services.contracts import topics
from services.kit import tracing
from services.kit.http.server import probes
from services.kit.logging import configure_logging
from services.kit.loops import new_event_loop
from services.referral.entrypoints.assigning import AnyHostAssignor
from services.referral.entrypoints.batches import in_batches
from services.referral.entrypoints.consuming import Consumers, open_consumers
from services.referral.entrypoints.eager_consumer import EagerConsumer
from services.referral.entrypoints.exit_before_ack import finish, hold
from services.referral.entrypoints.kafka_credentials import credentials
from services.referral.entrypoints.topic_watching import rewind_recreated
from services.referral.settings import ReferralSettings


def build(settings: ReferralSettings) -> faust.App:
    """The app: one agent a topic, raw bytes in, batches to the processors. It connects when it is started."""
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
        PartitionAssignor=AnyHostAssignor,
    )
    app.transport.Consumer = EagerConsumer  # type: ignore[misc]
    stack, opened = AsyncExitStack(), asyncio.Event()
    consumers: dict[str, Consumers] = {}

    @app.task  # type: ignore[untyped-decorator]
    async def serve() -> None:
        consumers["all"] = await stack.enter_async_context(open_consumers(settings))
        await stack.enter_async_context(probes(consumers["all"].health, settings))
        opened.set()

    for name in topics.WORKER:
        _agent(app, settings, name, opened, consumers)
    return app


def _agent(
    app: faust.App, settings: ReferralSettings, name: str, opened: asyncio.Event, consumers: dict[str, Consumers]
) -> None:
    async def consume(stream: Any) -> None:
        await opened.wait()
        async with aclosing(in_batches(stream, settings.worker_batch, settings.worker_within)) as batches:
            async for batch in batches:
                try:
                    await finish(consumers["all"].process(name, [event.message for event in batch]))
                except Exception as error:  # noqa: BLE001  too many dead in a row, or a fault of ours
                    consumers["all"].stop(f"{type(error).__name__}: {error}")
                    await hold(app.wait_until_stopped())

    consume.__name__ = name.partition(".")[0]
    app.agent(app.topic(topics.topic(settings.topic_prefix, name)), concurrency=1)(consume)


def main() -> None:
    settings = ReferralSettings()
    configure_logging("referral-worker", settings.log_level)
    tracing.set_up("referral-worker", settings.otlp_endpoint, settings.traces_share)
    loop = new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(rewind_recreated(settings))
    worker = faust.Worker(build(settings), loglevel="WARN", redirect_stdouts=False, override_logging=False, loop=loop)
    sys.exit(worker.execute_from_commandline())


if __name__ == "__main__":
    main()
