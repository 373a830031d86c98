"""Creates the topics of a settings file such as `deploy/topics.toml`; existing ones are left alone."""

import argparse
import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from pydantic import Field

from services.kit.kafka.clients import make_admin
from services.kit.settings import ServiceSettings


class TopicSettings(ServiceSettings):
    """`topic_replicas` replaces the file's replication factor; a write then needs all replicas but one."""

    topic_replicas: int | None = Field(None, ge=1, le=9)


def planned(path: Path, prefix: str, replicas: int | None = None) -> list[NewTopic]:
    """The topics in the file `path`, each with its dead-letter topic; `replicas` replaces the file's number."""
    settings: dict[str, Any] = tomllib.loads(path.read_text())
    if replicas is not None:
        settings["config"] = settings.get("config", {}) | {"min.insync.replicas": max(1, replicas - 1)}
    replicas, topics = replicas or settings["replication_factor"], []
    for name, topic in settings["topics"].items():
        config = {key: str(value) for key, value in (settings.get("config", {}) | topic.get("config", {})).items()}
        topics.append(NewTopic(f"{prefix}.{name}", topic["partitions"], replicas, topic_configs=config))
        letters = {key: str(value) for key, value in (config | settings.get("dead_letters", {})).items()}
        topics.append(NewTopic(dead_letter_topic(f"{prefix}.{name}"), 1, replicas, topic_configs=letters))
    return topics


def dead_letter_topic(topic: str) -> str:
    """The dead-letter topic of `topic`; both are full names."""
    return f"{topic}.dlq"


async def create_topics(settings: ServiceSettings, path: Path, replicas: int | None = None) -> list[str]:
    """Create missing topics; the names of those created. Raises KafkaError with the topic's name."""
    admin = make_admin(settings)
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
