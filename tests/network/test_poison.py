"""A message that nobody can take: it is set aside with its reason, the worker goes on, and an operator decides."""

import asyncio
import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from tests.support import books
from tests.support.children import demo, submit_all
from tests.support.eventually import eventually
from tests.support.network import RunningNetwork
from tests.support.terminal import run_joldama

pytestmark = pytest.mark.network

POISON = b'{"specversion": "1.0", "type": "kz.joldama.diagnosis.recorded.v1", "id": "poison-1"}'


@pytest.fixture(autouse=True)
def operator(country: RunningNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who types `joldama` is in the network's home."""
    monkeypatch.setenv("JOLDAMA_HOME", str(country.home.root))
    monkeypatch.delenv("JOLDAMA_TOKEN", raising=False)


def joldama(*words: str) -> Any:
    """What the command prints as JSON."""
    done = run_joldama("dead-letters", *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def letter_with(key: str) -> dict[str, Any]:
    """The open letter under `key`, as soon as there is one."""

    def find() -> dict[str, Any] | None:
        return next((one for one in joldama("list") if one["key"] == key), None)

    return await eventually(find, f"{key} is among the dead letters", within=30)


async def publish(country: RunningNetwork, key: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=country.plan.kafka_servers)
    await producer.start()
    await producer.send_and_wait("joldama.diagnoses.v1", value, key=key.encode())
    await producer.stop()


async def test_a_poison_message_is_set_aside_with_its_reason_and_the_next_child_is_routed(
    country: RunningNetwork,
) -> None:
    letters = AIOKafkaConsumer(
        "joldama.diagnoses.v1.dlq", bootstrap_servers=country.plan.kafka_servers, auto_offset_reset="earliest"
    )
    await letters.start()
    try:
        await publish(country, "poison", POISON)
        ids = await submit_all(country, demo(5, seed=31))
        await eventually(lambda: set(ids) <= set(books.recorded(country)), "the others are routed", within=30)

        async def set_aside() -> dict[str, bytes] | None:
            for records in (await letters.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.value == POISON:
                        return dict(record.headers)
            return None

        headers = await eventually(set_aside, "the poison is among the dead letters", within=20)
    finally:
        await letters.stop()
    assert b"source" in headers["reason"]
    assert headers["topic"] == b"joldama.diagnoses.v1"


async def test_an_operator_sees_poison_retries_it_in_vain_and_discards_it(country: RunningNetwork) -> None:
    await publish(country, "poison-2", POISON.replace(b"poison-1", b"poison-2"))
    letter = await letter_with("poison-2")
    assert (letter["service"], letter["reason"]) == ("referral", "source: Field required")
    refused = run_joldama("dead-letters", "retry", letter["id"])
    assert refused.exit_code == 1
    story = joldama("show", letter["id"])
    assert (story["state"], story["times"]) == ("open", 2)
    assert b"poison-2" in story["message_value"]["data"].encode()
    assert joldama("discard", letter["id"], "--reason", "planted by a test")[0]["state"] == "discarded"
    assert letter["id"] not in [one["id"] for one in joldama("list")]


@pytest.mark.timeout(180)
async def test_a_child_whose_settlement_the_worker_did_not_know_is_routed_once_when_it_does(
    country: RunningNetwork,
) -> None:
    """The worker was started with an older list of settlements than intake; a newer one mends it."""
    [body] = demo(1, seed=32)
    with _unknown_settlement(country) as settlement_id:
        await _restart_worker(country)
        [id] = await submit_all(country, [body | {"settlement_id": settlement_id}])
        letter = await letter_with(id)
        assert letter["reason"] == f"settlement_id: no settlement {settlement_id}"
        assert id not in books.recorded(country)
    await _restart_worker(country)
    for _ in range(2):
        [settled] = joldama("retry", letter["id"], "--wait", "30")
        assert settled["state"] == "settled"
    routed = books.recorded(country)[id]
    assert routed.state in ("offered", "waiting")
    assert books.offers_open_per_referral(country)[id] == (routed.state == "offered")

    await publish(country, id, settled["message_value"]["data"].encode())
    [after] = await submit_all(country, demo(1, seed=33))
    await eventually(lambda: after in books.recorded(country), "what came later is routed", within=30)
    assert books.recorded(country)[id] == routed
    assert await books.differences(country) == []


@contextmanager
def _unknown_settlement(country: RunningNetwork) -> Iterator[str]:
    """A settlement where no center is, and which the data do not have until the block ends."""
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
