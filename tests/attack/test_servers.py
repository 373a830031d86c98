"""Kafka and Valkey of a running network: nobody gets in without a password, and no process does another's work."""

import asyncio
import json
import socket
import subprocess
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from services.kit.kafka.clients import make_admin, make_consumer, make_producer
from services.kit.settings import Mode, ServiceSettings
from services.local.ports import LOOPBACK
from tests.support.network import RunningNetwork


def settings(country: RunningNetwork, user: str = "") -> ServiceSettings:
    environment = country.plan.kafka_login(user)
    login: dict[str, Any] = {name.removeprefix("JOLDAMA_").lower(): one for name, one in environment.items()}
    return ServiceSettings(mode=Mode.LOCAL, kafka_servers=country.plan.kafka_servers, **login)


@pytest.mark.parametrize(
    ("user", "topic"),
    [("intake-relay", "routing.v1"), ("capacity-relay", "diagnoses.v1"), ("referral-worker", "referrals.v1"),
     ("referral-worker", "handovers.v1")],
)  # fmt: skip
async def test_a_process_forges_no_event_of_another(country: RunningNetwork, user: str, topic: str) -> None:
    async with make_producer(settings(country, user), "attack") as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(f"joldama.{topic}", b"{}")


async def test_a_stranger_on_this_machine_gets_neither_records_nor_topics(country: RunningNetwork) -> None:
    stranger = settings(country)
    for client in (make_admin(stranger), make_consumer(stranger, ["joldama.diagnoses.v1"], None)):
        with pytest.raises(KafkaError):
            await asyncio.wait_for(client.start(), 20)
        await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


def test_the_controller_answers_no_stranger(country: RunningNetwork) -> None:
    """Its listener takes the same requests as the brokers', so it needs the same login."""
    assert country.plan.kafka
    metadata = b"\x00\x00\x00\x12\x00\x03\x00\x01\x00\x00\x00\x01\xff\xff\x00\x00\x00\x00"[:18]
    with socket.create_connection((LOOPBACK, country.plan.kafka.controller_port), timeout=5) as connection:
        connection.sendall(len(metadata[4:]).to_bytes(4, "big") + metadata[4:])
        assert connection.recv(100) == b""


async def test_valkey_answers_no_stranger(country: RunningNetwork) -> None:
    assert country.plan.valkey
    async with Redis(host=LOOPBACK, port=country.plan.valkey.port) as redis:
        with pytest.raises(AuthenticationError):
            await redis.ping()


def test_no_password_stands_on_a_command_line_or_in_a_file_that_others_read(country: RunningNetwork) -> None:
    passwords = json.loads((country.home.secrets / "servers.json").read_text()).values()
    lines = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert not [one for one in passwords if one in lines]
    assert country.home.root.stat().st_mode & 0o077 == 0
    open_to_others = [path for path in country.home.root.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert open_to_others == []
