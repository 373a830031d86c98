"""Creates the topics of a settings file such as `deploy/topics.toml`; existing ones are left alone."""

import argparse
import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from pydantic import Field

from services.kit.kafka.clients import security
from services.kit.settings import ServiceSettings


class TopicSettings(ServiceSettings):
    """`topic_replicas` replaces the file's replication factor; all but one of them must then have a record."""

    topic_replicas: int | None = Field(None, ge=1, le=9)


def planned(path: Path, prefix: str, replicas: int | None = None) -> list[NewTopic]:
    """The topics in `path`, each with its dead-letter topic; numbers and configs as the file says, but `replicas`."""
    settings: dict[str, Any] = tomllib.loads(path.read_text())
    if replicas is not None:
        settings["config"] = settings.get("config", {}) | {"min.insync.replicas": max(1, replicas - 1)}
    replicas, topics = replicas or settings["replication_factor"], []
    for name, topic in settings["topics"].items():
        config = {key: str(value) for key, value in (settings.get("config", {}) | topic.get("config", {})).items()}
        topics.append(NewTopic(f"{prefix}.{name}", topic["partitions"], replicas, topic_configs=config))
        letters = {**config, **settings.get("dead_letters", {})}
        topics.append(
            NewTopic(f"{prefix}.{name}.dlq", 1, replicas, topic_configs={k: str(v) for k, v in letters.items()})
        )
    return topics


async def create_topics(settings: ServiceSettings, path: Path, replicas: int | None = None) -> list[str]:
    """Create what is missing; the names of those created. Raises KafkaError with the topic's name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers, **security(settings))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in planned(path, settings.topic_prefix, replicas) if topic.name not in existing]
        response = await admin.create_topics(missing)
        for name, code, *_ in response.topic_errors:
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise KafkaError(f"{name}: {for_code(code).__name__}")
        return [name for name, code, *_ in response.topic_errors if not code]
    finally:
        await admin.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the settings, such as deploy/topics.toml")
    settings = TopicSettings()
    created = asyncio.run(create_topics(settings, parser.parse_args().file, settings.topic_replicas))
    sys.stdout.write(f"{len(created)} topics created {' '.join(created)}\n")


if __name__ == "__main__":
    main()
