"""Traces: nothing without an endpoint; ids in logs, and no text of errors, with one."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.kit import tracing
from services.kit.otlp import OtlpSender
from services.kit.settings import ServiceSettings
from tests.support.otlp import Receiver, receiving_traces
from tests.support.servers import wait_until

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Traces of this process go there, until the end of the test."""
    monkeypatch.setattr(tracing, "_sender", None)
    with receiving_traces() as receiver:
        sender = OtlpSender("test", receiver.url)
        monkeypatch.setattr(tracing, "_sender", sender)
        yield receiver
        sender.close()


def test_without_an_endpoint_nothing_is_begun() -> None:
    code = """
import sys
import services.intake.entrypoints.api, services.referral.entrypoints.worker, services.capacity.entrypoints.relay
from services.kit import tracing
tracing.set_up("test", "")
with tracing.spans("CONSUMER", (1 / 0 for _ in "x"), "never begun"):
    assert tracing.current() is tracing.of_subject("x") is None
print([one for one in sys.modules if one.startswith(("services.kit.otlp", "opentelemetry.sdk"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def test_a_log_line_has_the_ids_of_the_span_under_way(receiver: Receiver) -> None:
    assert tracing.add_ids(None, "", {"event": "x"}) == {"event": "x"}, "and none without a span"
    with tracing.span("INTERNAL", tracing.Work("work", parent=PARENT)):
        line = tracing.add_ids(None, "", {"event": "x"})
    wait_until(lambda: bool(receiver.spans), "the span arrives")
    [span] = receiver.spans
    assert (line["trace_id"], line["span_id"]) == (span.trace, span.id) == ("a" * 32, span.id)
    assert span.parent == "b" * 16


def test_of_a_batch_each_subject_has_its_trace_and_the_whole_is_linked(receiver: Receiver) -> None:
    works = [tracing.Work("one", "s1", PARENT), tracing.Work("one", "s2", None)]
    with tracing.spans("CONSUMER", works, "together"):
        told = [tracing.of_subject(name) or "" for name in ("s1", "s2", "s3")]
    assert told[0].startswith(PARENT[:36])
    assert len({one[3:35] for one in told}) == 3, "what is not of the batch is the whole's"
    assert tracing.of_subject("s1") is None, "after the batch it is over"
    wait_until(lambda: len(receiver.spans) == 3, "all arrive")
    whole = next(one for one in receiver.spans if one.name == "together")
    assert set(whole.links) == {one.id for one in receiver.spans if one.name == "one"}


def test_of_an_error_only_the_kind_is_told(receiver: Receiver) -> None:
    with pytest.raises(ValueError, match="Aruzhan"), tracing.span("INTERNAL", tracing.Work("work")):
        raise ValueError("Aruzhan Made-Up")
    wait_until(lambda: bool(receiver.spans), "the span arrives")
    assert receiver.spans[0].attributes == {"error.type": "ValueError"}
    assert b"Aruzhan" not in receiver.bodies[0]


def test_work_in_a_thread_knows_the_span(receiver: Receiver) -> None:
    with tracing.span("INTERNAL", tracing.Work("work", parent=PARENT)):
        work = tracing.carried(lambda _: tracing.current())
    assert (work(None) or "")[:36] == PARENT[:36]


@pytest.mark.parametrize("variable", ["JOLDAMA_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_the_endpoint_has_two_names_and_production_refuses_it_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("JOLDAMA_KAFKA_SERVERS", "")
    monkeypatch.setenv(variable, "https://traces.example")
    assert ServiceSettings().otlp_endpoint == "https://traces.example"
    monkeypatch.setenv(variable, "http://traces.example")
    with pytest.raises(ValueError, match="JOLDAMA_OTLP_ENDPOINT would send data in the clear"):
        ServiceSettings()


def test_a_share_of_the_traces_is_sent_and_a_trace_whole_or_not_at_all(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "_share", 0.0)
    with tracing.span("SERVER", tracing.Work("left out")) as one:
        assert one.traceparent.endswith("-00"), "who continues it leaves it out too"
        with tracing.spans("CONSUMER", [tracing.Work("left out", parent=one.traceparent)]):
            pass
    with tracing.span("SERVER", tracing.Work("kept", parent=PARENT)):
        pass
    wait_until(lambda: bool(receiver.spans), "the span arrives")
    assert [one.name for one in receiver.spans] == ["kept"]


def test_a_receiver_that_is_away_holds_nothing_up_and_spans_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = OtlpSender("test", "http://127.0.0.1:9")
    monkeypatch.setattr(tracing, "_sender", sender)
    with tracing.span("SERVER", tracing.Work("lost")):
        pass
    sender.close()
    assert not sender._waiting
