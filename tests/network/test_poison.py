"""A message that cannot be processed: dead-lettered with its reason, the worker goes on, an operator decides."""

import asyncio
import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.support import record_queries
from tests.support.children import submissions, submit_all
from tests.support.eventually import eventually
from tests.support.kafka_admin import admin_options
from tests.support.network import RunningNetwork
from tests.support.reconciliation import differences
from tests.support.terminal import run_joldama

pytestmark = pytest.mark.network

POISON = b'{"specversion": "1.0", "type": "kz.joldama.diagnosis.recorded.v1", "id": "poison-1"}'


@pytest.fixture(autouse=True)
def operator(country: RunningNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """`joldama` finds the network by its home."""
    monkeypatch.setenv("JOLDAMA_HOME", str(country.home.root))
    monkeypatch.delenv("JOLDAMA_TOKEN", raising=False)


def joldama(*words: str) -> Any:
    """The JSON output of `joldama dead-letters …`."""
    done = run_joldama("dead-letters", *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def dead_letter_of(key: str) -> dict[str, Any]:
    """The open dead letter with this Kafka key, as soon as there is one."""

    def find() -> dict[str, Any] | None:
        return next((one for one in joldama("list") if one["key"] == key), None)

    return await eventually(find, f"{key} is among the dead letters", within=30)


async def publish(country: RunningNetwork, key: str, value: bytes) -> None:
    producer = AIOKafkaProducer(**admin_options(country.plan))
    await producer.start()
    await producer.send_and_wait("joldama.diagnoses.v1", value, key=key.encode())
    await producer.stop()


async def test_a_poison_message_is_dead_lettered_with_its_reason_and_the_next_child_is_routed(
    country: RunningNetwork,
) -> None:
    dead_letters = AIOKafkaConsumer(
        "joldama.diagnoses.v1.dlq", auto_offset_reset="earliest", **admin_options(country.plan)
    )
    await dead_letters.start()
    try:
        await publish(country, "poison", POISON)
        ids = await submit_all(country, submissions(5, seed=31))
        await eventually(lambda: set(ids) <= set(record_queries.referrals(country)), "the others are routed", within=30)

        async def dead_lettered() -> dict[str, bytes] | None:
            for records in (await dead_letters.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.value == POISON:
                        return dict(record.headers)
            return None

        headers = await eventually(dead_lettered, "the poison is among the dead letters", within=20)
    finally:
        await dead_letters.stop()
    assert b"source" in headers["reason"]
    assert headers["topic"] == b"joldama.diagnoses.v1"


async def test_an_operator_finds_poison_retries_it_in_vain_and_discards_it(country: RunningNetwork) -> None:
    await publish(country, "poison-2", POISON.replace(b"poison-1", b"poison-2"))
    letter = await dead_letter_of("poison-2")
    assert (letter["service"], letter["reason"]) == ("referral", "source: Field required")
    refused = run_joldama("dead-letters", "retry", letter["id"])
    assert refused.exit_code == 1
    shown = joldama("show", letter["id"])
    assert (shown["state"], shown["times"]) == ("open", 2)
    assert b"poison-2" in shown["message_value"]["data"].encode()
    assert joldama("discard", letter["id"], "--reason", "planted by a test")[0]["state"] == "discarded"
    assert letter["id"] not in [one["id"] for one in joldama("list")]


@pytest.mark.timeout(180)
async def test_a_child_whose_settlement_the_worker_did_not_know_is_routed_once_when_it_does(
    country: RunningNetwork,
) -> None:
    """The worker was started with an older list of settlements than intake, and then with the same one."""
    [body] = submissions(1, seed=32)
    with _unknown_settlement(country) as settlement_id:
        await _restart_worker(country)
        [id] = await submit_all(country, [body | {"settlement_id": settlement_id}])
        letter = await dead_letter_of(id)
        assert letter["reason"] == f"settlement_id: no settlement {settlement_id}"
        assert id not in record_queries.referrals(country)
    await _restart_worker(country)
    for _ in range(2):
        [settled] = joldama("retry", letter["id"], "--wait", "30")
        assert settled["state"] == "settled"
    routed = record_queries.referrals(country)[id]
    assert routed.state in ("offered", "waiting")
    assert record_queries.open_offers(country)[id] == (routed.state == "offered")

    await publish(country, id, settled["message_value"]["data"].encode())
    [after] = await submit_all(country, submissions(1, seed=33))
    await eventually(lambda: after in record_queries.referrals(country), "what came later is routed", within=30)
    assert record_queries.referrals(country)[id] == routed
    assert await differences(country) == []


@contextmanager
def _unknown_settlement(country: RunningNetwork) -> Iterator[str]:
    """A settlement without a center, missing in the reference data until the block ends."""
    file = country.home.root / "data" / "settlements.csv"
    whole = file.read_text()
    with (file.parent / "centers.csv").open(newline="") as centers:
        taken = {row["settlement_id"] for row in csv.DictReader(centers)}
    line = next(one for one in whole.splitlines()[1:] if one.partition(",")[0] not in taken)
    file.write_text(whole.replace(line + "\n", ""))
    try:
        yield line.partition(",")[0]
    finally:
        file.write_text(whole)


async def _restart_worker(country: RunningNetwork) -> None:
    killed = await asyncio.to_thread(country.kill, "referral-worker")
    await asyncio.to_thread(country.wait_restarted, "referral-worker", killed)
