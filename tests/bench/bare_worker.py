"""The bare part of the worker: a Faust agent that forwards batches from one topic to another."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import faust

from services.kit.settings import ServiceSettings
from services.referral.entrypoints.kafka_credentials import credentials


def build(source: str, target: str) -> faust.App:
    settings = ServiceSettings()
    app = faust.App(
        f"bare-{source}", broker=f"kafka://{settings.kafka_servers}", broker_credentials=credentials(settings),
        autodiscover=False, web_enabled=False,
        topic_disable_leader=True, topic_allow_declare=False, consumer_auto_offset_reset="earliest",
        key_serializer="raw", value_serializer="raw",
    )  # fmt: skip
    out = app.topic(target)

    @app.agent(app.topic(source))
    async def forward(stream: Any) -> AsyncIterator[None]:
        async for batch in stream.take_events(200, within=0.01):
            sent = [await out.send(key=event.message.key, value=event.message.value) for event in batch]
            await asyncio.gather(*sent)
            yield

    return app


if __name__ == "__main__":
    faust.Worker(build(*sys.argv[1:3]), loglevel="WARN").execute_from_commandline()
