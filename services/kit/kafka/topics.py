"""Sets up Kafka: missing topics (existing ones are left alone), and with `--acls` users and access rules.

`python -m services.kit.kafka.topics deploy/topics.toml --acls deploy/acls.toml`
"""

import argparse
import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from pydantic import Field, SecretStr

from services.kit.kafka.acls import apply_acls, planned_acls, read_rights
from services.kit.kafka.clients import make_admin
from services.kit.kafka.scram import set_passwords
from services.kit.settings import ServiceSettings


class TopicSettings(ServiceSettings):
    """`topic_replicas` replaces the file's replication factor; a write then needs all replicas but one.

    `kafka_user_passwords`: a JSON object, of the users that are to be made or changed here.
    """

    topic_replicas: int | None = Field(None, ge=1, le=9)
    kafka_user_passwords: dict[str, SecretStr] = Field(default_factory=dict)


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


async def secure(settings: TopicSettings, acls: Path) -> str:
    """Make the users that have a password, and the access rules of the file; what was done. Raises KafkaError."""
    admin = make_admin(settings)
    await admin.start()
    try:
        if users := settings.kafka_user_passwords:
            await set_passwords(admin, users)
        wanted = planned_acls(read_rights(acls), settings.topic_prefix)
        added, removed = await apply_acls(admin, wanted, settings.topic_prefix)
        return f"{len(users)} users set, {added} access rules added, {removed} removed"
    finally:
        await admin.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the topics, such as deploy/topics.toml")
    parser.add_argument("--acls", type=Path, help="users and their rights, such as deploy/acls.toml")
    asked, settings = parser.parse_args(), TopicSettings()
    if asked.acls:
        sys.stdout.write(f"{asyncio.run(secure(settings, asked.acls))}\n")
    created = asyncio.run(create_topics(settings, asked.file, settings.topic_replicas))
    sys.stdout.write(f"{len(created)} topics created {' '.join(created)}\n")


if __name__ == "__main__":
    main()
