"""Kafka clients: producers, consumers, admin clients, and their start and stop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from services.kit.retry import retry
from services.kit.settings import ServiceSettings

log = structlog.get_logger()
STOP_WITHIN = 5.0
"""Seconds that a client has to stop; a process manager has little patience."""
Client: TypeAlias = "AIOKafkaProducer | AIOKafkaConsumer | AIOKafkaAdminClient"


def security(settings: ServiceSettings) -> dict[str, Any]:
    """The connection options of aiokafka's clients for this network's security."""
    options: dict[str, Any] = {"security_protocol": settings.kafka_security}
    if settings.kafka_security.endswith("SSL"):
        ca = settings.kafka_ca_file
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        if settings.kafka_certificate_file:
            context.load_cert_chain(settings.kafka_certificate_file, settings.kafka_key_file)
        options["ssl_context"] = context
    if settings.kafka_security.startswith("SASL"):
        password = settings.kafka_password
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
        }
    return options


def make_producer(settings: ServiceSettings, client_id: str) -> AIOKafkaProducer:
    """A producer: acknowledged by all replicas, in order within a partition, at least once. Needs a running loop.

    Not Kafka's idempotent producer, which a new cluster can wedge for ever: docs/adr/0008.
    """
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_servers,
        client_id=client_id,
        enable_idempotence=False,
        acks="all",
        compression_type="lz4",
        linger_ms=0,
        max_batch_size=262_144,
        request_timeout_ms=20_000,
        retry_backoff_ms=100,
        **security(settings),
    )


def make_consumer(
    settings: ServiceSettings, topics: Sequence[str], group: str | None, **options: Any
) -> AIOKafkaConsumer:
    """A consumer that commits on request, and begins at the beginning."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=settings.kafka_servers,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=10_000,
        metadata_max_age_ms=10_000,  # a topic that was away for a moment is assigned again after so long
        **security(settings),
        **options,
    )


def make_admin(settings: ServiceSettings) -> AIOKafkaAdminClient:
    return AIOKafkaAdminClient(bootstrap_servers=settings.kafka_servers, **security(settings))


@asynccontextmanager
async def started(*clients: Client, stop_within: float = STOP_WITHIN) -> AsyncIterator[None]:
    """Start each of `clients`, retrying until Kafka answers, and stop all at the end."""
    try:
        for client in clients:
            await retry("kafka", client.start, KafkaError)
        yield
    finally:
        await asyncio.gather(*(_stop(client, stop_within) for client in clients))


async def _stop(client: Client, within: float) -> None:
    """Stop a client within so many seconds; the next process sends again what Kafka has not taken by then."""
    try:
        await asyncio.wait_for(_close(client), within)
    except TimeoutError:
        log.warning("kafka.left_unsent", client=type(client).__name__)


async def _close(client: Client) -> None:
    if isinstance(client, AIOKafkaAdminClient):
        await client.close()
        return
    inner = client.client if isinstance(client, AIOKafkaProducer) else client._client
    await client.stop()
    async with inner._get_conn_lock:  # aiokafka forgets a connection that it makes while it closes
        await inner.close()


async def reach(producer: AIOKafkaProducer) -> None:
    """A readiness check: raises ConnectionError when no broker answers."""
    try:
        answered = await asyncio.wait_for(producer.client.force_metadata_update(), 2)
    except TimeoutError:
        answered = False
    if not answered:
        raise ConnectionError("no broker answers")
