"""Users and access rules on a real Kafka: each process may do what the table says, and nothing else."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from pydantic import SecretStr

from services.contracts import topics
from services.kit.kafka.acls import Rights, apply_acls, planned_acls, read_rights
from services.kit.kafka.clients import make_admin, make_consumer, make_producer, security
from services.kit.kafka.topics import TopicSettings, create_topics, dead_letter_topic, secure
from services.kit.settings import CHECKOUT, Mode
from services.local.kafka import ADMIN, Kafka
from services.local.ports import Ports
from tests.support.servers import Server

ACLS = CHECKOUT / "deploy" / "acls.toml"
RIGHTS = read_rights(ACLS)
PASSWORD = "f" * 48
NAMES = [name for topic in topics.ALL for name in (topic, dead_letter_topic(topic))]


def settings(address: str, user: str | None, password: str | None = None) -> TopicSettings:
    login: dict[str, Any] = {}
    if user:
        mechanism = "PLAIN" if user == ADMIN else "SCRAM-SHA-512"
        login = {"kafka_security": "SASL_PLAINTEXT", "kafka_sasl_mechanism": mechanism, "kafka_username": user}
        login["kafka_password"] = password or (PASSWORD if user == ADMIN else f"password-of-{user}")
    return TopicSettings(mode=Mode.LOCAL, kafka_servers=address, topic_prefix="p", **login)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Kafka with the users and rules of the table, and with its topics."""
    with Ports() as ports:
        server = Server(Kafka(tmp_path_factory.mktemp("guarded"), ports.choose(), ports.choose(), PASSWORD))
        try:
            server.start()
            users = {user: SecretStr(f"password-of-{user}") for user in RIGHTS}
            admin = settings(server.address, ADMIN).model_copy(update={"kafka_user_passwords": users})
            asyncio.run(secure(admin, ACLS))
            asyncio.run(create_topics(admin, CHECKOUT / "deploy" / "topics.toml"))
            yield server.address
        finally:
            server.stop()


async def may_write(producer: AIOKafkaProducer, topic: str) -> bool:
    try:
        await producer.send_and_wait(topic, b"{}", partition=0)
    except TopicAuthorizationFailedError:
        return False
    return True


async def readable(consumer: AIOKafkaConsumer) -> set[str]:
    """The topics of which a record comes; of the others the client says only that they are not authorized."""
    partitions = [TopicPartition(f"p.{name}", 0) for name in NAMES]
    consumer.assign(partitions)
    for partition in partitions:
        consumer.seek(partition, 0)
    found, quiet_since = set[str](), time.monotonic()
    while time.monotonic() - quiet_since < 4:
        with suppress(TopicAuthorizationFailedError):  # of one that it may write
            for partition in await consumer.getmany(timeout_ms=500):
                found.add(partition.topic.removeprefix("p."))
                quiet_since = time.monotonic()
    return found


@pytest.mark.parametrize("user", RIGHTS)
async def test_a_process_writes_and_reads_what_the_table_says_and_nothing_else(guarded: str, user: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=guarded, **security(settings(guarded, ADMIN))) as producer:
        for name in NAMES:
            assert await may_write(producer, f"p.{name}")
    own = settings(guarded, user)
    async with make_producer(own, "t") as producer:
        written = {name for name in NAMES if await may_write(producer, f"p.{name}")}
    async with make_consumer(own, [], None) as consumer:
        read = await readable(consumer)
    assert written == set(RIGHTS[user].write)
    assert read == set(RIGHTS[user].read)


async def test_a_process_cannot_take_another_s_group(guarded: str) -> None:
    consumer = make_consumer(settings(guarded, "intake-relay"), ["p.diagnoses.v1"], "p.referral-worker")
    try:
        with pytest.raises(GroupAuthorizationFailedError):
            await asyncio.wait_for(consumer.start(), 20)
    finally:
        await consumer.stop()


@pytest.mark.parametrize(
    ("user", "password"),
    [(None, None), ("intake-relay", "wrong"), (ADMIN, "wrong"), ("nobody", "wrong")],
    ids=["no login", "wrong password", "wrong admin", "unknown user"],
)
async def test_nobody_is_let_in_without_a_user_s_password(guarded: str, user: str | None, password: str | None) -> None:
    wrong = settings(guarded, user, password)
    for client in (make_admin(wrong), make_producer(wrong, "t")):
        with pytest.raises(KafkaError):
            await asyncio.wait_for(client.start(), 20)
        await (client.stop() if isinstance(client, AIOKafkaProducer) else client.close())


async def test_a_rule_that_left_the_table_is_removed_and_others_topics_are_left_alone(guarded: str) -> None:
    admin = make_admin(settings(guarded, ADMIN))
    await admin.start()
    try:
        elsewhere = planned_acls({"x": Rights(read=("t",))}, "other")
        assert await apply_acls(admin, elsewhere, "other") == (1, 0)
        fewer = planned_acls(RIGHTS | {"intake-relay": Rights()}, "p")
        lost = planned_acls(RIGHTS, "p") - fewer
        assert await apply_acls(admin, fewer, "p") == (0, len(lost))
        assert await apply_acls(admin, planned_acls(RIGHTS, "p"), "p") == (len(lost), 0)
        assert await apply_acls(admin, elsewhere, "other") == (0, 0)
    finally:
        await admin.close()
