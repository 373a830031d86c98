"""The API and the relay as processes: probes, a submission, and a clean end at SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import orjson
import pytest

from services.intake.settings import IntakeSettings
from services.kit.kafka.topics import create_topics
from services.kit.settings import CHECKOUT
from services.local.ports import Ports
from tests.support.eventually import eventually
from tests.unit.intake.samples import child_body


@pytest.fixture
async def environment(settings: IntakeSettings, kafka: str, prefix: str) -> dict[str, str]:
    await create_topics(
        settings.model_copy(update={"kafka_servers": kafka, "topic_prefix": prefix}),
        CHECKOUT / "deploy" / "topics.toml",
    )
    ours = {
        "MODE": "local",
        "KAFKA_SERVERS": kafka,
        "TOPIC_PREFIX": prefix,
        "JWKS": settings.jwks,
        "ISSUER": settings.issuer,
        "DATA": str(settings.data),
        "INTAKE_SQL_URL": settings.intake_sql_url,
        "REFERRAL_URL": settings.referral_url,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("JOLDAMA_")}
    return inherited | {f"JOLDAMA_{name}": value for name, value in ours.items()}


@asynccontextmanager
async def running(module: str, environment: dict[str, str]) -> AsyncIterator[tuple[httpx2.AsyncClient, list[str]]]:
    """A client of the process, and its log lines. The process must end without an error at SIGTERM."""
    logged: list[str] = []
    with Ports() as ports:
        port = ports.choose()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module,
            env=environment | {"JOLDAMA_INSIDE_PORT": str(port)}, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        reading = asyncio.create_task(_read(process, logged))
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
                await eventually(lambda: is_ready(client), f"{module} is ready", within=30)
                yield client, logged
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) in (0, -signal.SIGTERM), logged
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reading
    assert not [line for line in logged if "Traceback" in line], logged


async def _read(process: asyncio.subprocess.Process, logged: list[str]) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        logged.append(line.decode())


async def is_ready(client: httpx2.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx2.TransportError:
        return False


async def test_a_submission_reaches_kafka_and_no_personal_data_is_in_logs_or_metrics(
    environment: dict[str, str], token: Callable[..., str]
) -> None:
    body = child_body()
    headers = {"Authorization": f"Bearer {token('polyclinic', 'p1')}", "Content-Type": "application/x-ndjson"}
    async with (
        running("services.intake.entrypoints.api", environment) as (api, api_log),
        running("services.intake.entrypoints.relay", environment) as (relay, relay_log),
    ):
        lines = orjson.dumps(body) + b"\n" + orjson.dumps(body | {"settlement_id": "x"})
        answer = await api.post("/v1/diagnoses/bulk", content=lines, headers=headers)
        assert answer.content.count(b'"status":201') == 1
        await eventually(lambda: counts(relay, 'joldama_relay_published_total{topic="diagnoses.v1"} 1.0'))
        metrics = (await api.get("/metrics")).text + (await relay.get("/metrics")).text
    seen = metrics + "".join(api_log + relay_log)
    for secret in (body["child"]["iin"], body["child"]["full_name"], *body["guardian"].values()):
        assert secret not in seen


async def counts(relay: httpx2.AsyncClient, line: str) -> bool:
    return line in (await relay.get("/metrics")).text
