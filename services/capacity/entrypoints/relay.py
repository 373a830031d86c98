"""`python -m services.capacity.entrypoints.relay`: the stream of steps to Kafka."""

import asyncio
from contextlib import suppress
from uuid import uuid4

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from services.capacity.adapters.redis_positions import RedisPositions
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.adapters.redis_steps import RedisSteps
from services.capacity.bootstrap import CapacitySettings, open_scripts
from services.capacity.handlers.relay_steps import StepRelay
from services.kit.errors import TransientError
from services.kit.http.health import Health, Progress
from services.kit.http.server import on_stop_signal, probes
from services.kit.kafka.clients import make_consumer, make_producer, reach, started
from services.kit.kafka.publisher import KafkaPublisher
from services.kit.logging import configure_logging

log = structlog.get_logger()
FAILURES = (TransientError, KafkaError, OSError)
STALLED_AFTER = 30.0
"""Seconds without a turn that turn readiness red."""


async def relay(
    settings: CapacitySettings, scripts: RedisScripts, producer: AIOKafkaProducer, progressed: Progress
) -> None:
    """Relay until cancelled, then give the lease back."""
    reader = make_consumer(settings, [], None)
    positions = RedisPositions(scripts, uuid4().hex)
    async with started(producer, reader):
        publisher = KafkaPublisher(producer, reader, settings.topic_prefix)
        work = StepRelay(RedisSteps(scripts), positions, publisher, FAILURES, progressed)
        try:
            await work.run()
        finally:
            with suppress(TransientError):  # it ends by itself
                await positions.give_back()


async def run(settings: CapacitySettings) -> None:
    """Serve until SIGTERM, with probes on the process's port."""
    stopped, progress = on_stop_signal(), Progress(STALLED_AFTER)
    async with open_scripts(settings) as scripts:
        producer = make_producer(settings, "capacity-relay")

        async def answers() -> None:
            await scripts.ask("PING")

        async with probes(Health(redis=answers, kafka=lambda: reach(producer), relay=progress.check), settings):
            work = asyncio.create_task(relay(settings, scripts, producer, progress))
            stop = asyncio.create_task(stopped.wait())
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                stop.cancel()
                work.result()
            work.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)
    log.info("relay.stopped")


def main() -> None:
    settings = CapacitySettings()
    configure_logging("capacity-relay", settings.log_level)
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
