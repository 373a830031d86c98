"""A process and its double differ in name, ports and instance, and in nothing else."""

from pathlib import Path

from services.local.parts import Part
from services.local.ports import Ports
from tests.chaos.doubles import with_doubles

SETTINGS = {"JOLDAMA_PORT": "1", "JOLDAMA_INSIDE_PORT": "2", "JOLDAMA_KAFKA_SERVERS": "here"}


def part(name: str, **more: str) -> Part:
    return Part(name, "services", ("true",), lambda: True, {**SETTINGS, **more}, Path("/"))


def test_a_double_stands_after_its_process_with_settings_of_its_own() -> None:
    worker = part("referral-worker", JOLDAMA_WORKER_INSTANCE="1")
    with Ports() as ports:
        api, second, one, other = with_doubles([part("intake"), worker], ports)
    assert [api.name, second.name, one.name, other.name] == [
        "intake", "intake-2", "referral-worker", "referral-worker-2",
    ]  # fmt: skip
    assert {name for name in SETTINGS if second.environment[name] == SETTINGS[name]} == {"JOLDAMA_KAFKA_SERVERS"}
    assert second.environment["JOLDAMA_PORT"] != second.environment["JOLDAMA_INSIDE_PORT"], "an API has two ports"
    assert other.environment["JOLDAMA_WORKER_INSTANCE"] == "2", "or one would throw the other out of the group"
    assert other.environment["JOLDAMA_PORT"] == other.environment["JOLDAMA_INSIDE_PORT"], "a process has one port"


def test_the_console_has_none() -> None:
    with Ports() as ports:
        assert [one.name for one in with_doubles([part("console")], ports)] == ["console"]
