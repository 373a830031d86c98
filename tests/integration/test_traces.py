"""Traces of a whole network: one follows a child from the POST over outbox, Kafka and Redis to the offer."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from services.contracts.events import write_event
from tests.support.children import POLYCLINIC
from tests.support.leak_scan import find_leaks
from tests.support.network import RunningNetwork, running_network
from tests.support.one_center import CENTER, PROGRAMME, child_for_it, register_center
from tests.support.otlp import Receiver, Span, receiving_traces
from tests.support.servers import wait_until
from tests.unit.referral.samples import diagnosis

pytestmark = [pytest.mark.network, pytest.mark.timeout(240)]

OFFERED = "kz.joldama.referral.offered.v1"
WAY = [
    ("intake-api", "POST /v1/diagnoses"),
    ("intake-relay", "publish diagnoses.v1"),
    ("referral-worker", "process diagnoses.v1"),
    ("capacity", "claim"),
    ("capacity-relay", "publish capacity.v1"),
    ("referral-relay", "publish referrals.v1"),
]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving_traces() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def network(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    """A network that sends its traces, with one center of one place."""
    folder = tmp_path_factory.mktemp("traced")
    with running_network(folder, JOLDAMA_OTLP_ENDPOINT=receiver.url) as network:
        register_center(network.url("referral"), network.token("operator"))
        places = f"{network.url('referral')}/v1/centers/{CENTER}/programmes/{PROGRAMME}/places"
        answer = httpx2.put(places, headers=network.headers("operator"), json={"places": 1})
        assert answer.is_success, answer.text
        capacity = f"{network.url('capacity')}/v1/capacity/{CENTER}"
        wait_until(
            lambda: '"places":1,' in httpx2.get(capacity, headers=network.headers("operator")).text, "one place is open"
        )
        yield network


@pytest.fixture(scope="module")
def bodies() -> list[dict[str, Any]]:
    return [child_for_it(3), child_for_it(4)]


@pytest.fixture(scope="module")
def children(network: RunningNetwork, bodies: list[dict[str, Any]]) -> list[str]:
    """Two referrals: the first has the place, and the second waits for it."""
    return [submitted(network, bodies[0], "offered"), submitted(network, bodies[1], "waiting")]


def submitted(network: RunningNetwork, body: dict[str, Any], becomes: str) -> str:
    """A stranger's trace is given with it, which is not continued."""
    headers = network.headers("polyclinic", POLYCLINIC) | {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    answer = httpx2.post(f"{network.url('intake')}/v1/diagnoses", headers=headers, json=body, timeout=20)
    assert answer.status_code == 201, answer.text
    referral_id = str(answer.json()["referral_id"])
    wait_until(lambda: state_of(network, referral_id) == becomes, f"the child is {becomes}")
    return referral_id


def state_of(network: RunningNetwork, referral_id: str) -> str | None:
    path = f"{network.url('referral')}/v1/referrals/{referral_id}"
    answer = httpx2.get(path, headers=network.headers("operator"), timeout=20)
    return str(answer.json()["state"]) if answer.is_success else None


def trace_of(receiver: Receiver, referral_id: str) -> list[Span]:
    """The spans of the trace in which the worker read that referral's submission."""
    for one in receiver.spans:
        if one.name == "process diagnoses.v1" and one.attributes["joldama.subject"] == referral_id:
            return receiver.trace(one.trace)
    return []


def has_all(spans: list[Span], wanted: list[tuple[str, str]]) -> bool:
    return set(wanted) <= {(one.service, one.name) for one in spans}


def test_one_trace_leads_from_the_post_to_the_offer(
    network: RunningNetwork, receiver: Receiver, children: list[str]
) -> None:
    wait_until(lambda: has_all(trace_of(receiver, children[0]), WAY), "every process has sent its part of the trace")
    spans = trace_of(receiver, children[0])
    by_id = {one.id: one for one in spans}
    [first] = [one for one in spans if not one.parent]
    assert first.name == "POST /v1/diagnoses", "the trace begins at intake, not at what the client said"
    assert all(one.parent in by_id for one in spans if one is not first), "every other span has its parent in the trace"
    offered = next(one for one in spans if one.attributes.get("joldama.event") == OFFERED)
    assert by_id[offered.parent].name == "process diagnoses.v1", "the offer was made by reading the submission"
    assert by_id[by_id[offered.parent].parent] is first, "which the POST has written"


def test_a_call_between_services_carries_the_trace(receiver: Receiver, children: list[str]) -> None:
    def calls() -> list[Span]:
        spans = trace_of(receiver, children[0])
        return [one for one in spans if (one.service, one.name) == ("capacity", "POST /v1/claims/batch")]

    def callers() -> set[str]:
        by_id = {one.id: one.service for one in trace_of(receiver, children[0])}
        return {by_id.get(one.parent, "") for one in calls()}

    wait_until(lambda: callers() not in (set(), {""}), "capacity continued the worker's trace")
    assert callers() == {"referral-worker"}


def test_a_child_who_waited_is_followed_to_the_hand_over_and_its_offer(
    network: RunningNetwork, receiver: Receiver, children: list[str]
) -> None:
    waiting = children[1]
    declined = httpx2.post(
        f"{network.url('referral')}/v1/referrals/{children[0]}/decline",
        headers=network.headers("center", CENTER), json={"reason": "no_capacity"}, timeout=20,
    )  # fmt: skip
    assert declined.is_success, declined.text
    wait_until(lambda: state_of(network, waiting) == "offered", "the place is handed over")
    way = [("capacity-relay", "publish handovers.v1"), ("referral-worker", "process handovers.v1"), WAY[0], WAY[-1]]
    wait_until(lambda: has_all(trace_of(receiver, waiting), way), "the hand-over is in the trace of who waited")


@pytest.mark.parametrize("traceparent", [None, "x" * 500, f"00-{'0' * 32}-{'0' * 16}-01"])
def test_an_event_without_a_trace_that_can_be_read_begins_one(
    network: RunningNetwork, receiver: Receiver, traceparent: str | None
) -> None:
    """As an outbox has them that an older release left."""
    referral_id = uuid4()
    data = diagnosis(
        1, referral_id=referral_id, child_id=uuid4(), settlement_id="1526384", submitted_at=datetime.now(UTC)
    )
    leave_in_outbox(network, referral_id, write_event(
        data, event_id=str(referral_id), source="/joldama/intake", time=data.submitted_at, traceparent=traceparent
    ))  # fmt: skip
    wait_until(lambda: state_of(network, str(referral_id)) is not None, "the referral is recorded")
    wait_until(lambda: bool(trace_of(receiver, str(referral_id))), "its reading is sent")
    begun = {one.name for one in trace_of(receiver, str(referral_id)) if not one.parent}
    assert begun in ({"process diagnoses.v1"}, {"publish diagnoses.v1"}), "its reading begins a trace of its own"


def leave_in_outbox(network: RunningNetwork, referral_id: UUID, payload: bytes) -> None:
    file = Path(network.plan.intake_sql_url.removeprefix("sqlite:///"))
    row = str(referral_id), "diagnoses.v1", str(referral_id), payload, int(datetime.now(UTC).timestamp() * 1000)
    with sqlite3.connect(file, timeout=20) as database:
        database.execute("INSERT INTO outbox (event_id, topic, key, payload, recorded_at) VALUES (?, ?, ?, ?, ?)", row)
    database.close()


def test_no_span_has_a_name_a_phone_or_an_iin(receiver: Receiver, bodies: list[dict[str, Any]]) -> None:
    people = [one[part] for one in bodies for part in ("child", "guardian")]
    secrets = [text for one in people for name in ("full_name", "phone", "iin") if (text := one.get(name))]
    assert len(secrets) >= 5
    assert len(receiver.spans) > 20, "there is something to look through"
    assert find_leaks({"spans": b"\n".join(receiver.bodies)}, secrets) == []
