"""Processes that end with an error say why, and none of their secrets: an unreadable URL, or a server that is away."""

import base64
import os
import subprocess
import sys

import pytest

SECRET = "geheim77" * 4
KEY = base64.b64encode(os.urandom(32)).decode()
SHARED = {
    "PATH": os.environ["PATH"],
    "JOLDAMA_PLAINTEXT_INSIDE": "yes",
    "JOLDAMA_KAFKA_SERVERS": "127.0.0.1:1",
    "JOLDAMA_KAFKA_SECURITY": "SASL_PLAINTEXT",
    "JOLDAMA_KAFKA_USERNAME": "u",
    "JOLDAMA_KAFKA_PASSWORD": SECRET,
    "JOLDAMA_AUDIT_KEY": KEY,
    "JOLDAMA_EVENT_KEY": KEY,
    "JOLDAMA_CAPACITY_URL": f"http://u:{SECRET}@127.0.0.1:1",
    "JOLDAMA_REFERRAL_URL": f"http://u:{SECRET}@127.0.0.1:1",
    "JOLDAMA_INTAKE_URL": f"http://u:{SECRET}@127.0.0.1:1",
}
UNREADABLE = f"://u:{SECRET}/x@127.0.0.1:1/x"


def output(module: str, **environment: str) -> str:
    """All that a process wrote that ended with an error."""
    command = [sys.executable, "-m", f"services.{module}", *(("deploy/topics.toml",) if "topics" in module else ())]
    done = subprocess.run(command, env=SHARED | environment, capture_output=True, text=True, timeout=100)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "variable", "scheme"),
    [
        ("referral.entrypoints.worker", "JOLDAMA_REFERRAL_SQL_URL", "postgresql+psycopg"),
        ("intake.entrypoints.api", "JOLDAMA_INTAKE_SQL_URL", "postgresql+psycopg"),
        ("capacity.entrypoints.api", "JOLDAMA_REDIS_URL", "redis"),
    ],
)
def test_an_unreadable_url_is_named_and_not_shown(module: str, variable: str, scheme: str) -> None:
    said = output(module, **{variable: scheme + UNREADABLE})
    assert f"{variable} is no URL" in said
    assert SECRET not in said


@pytest.mark.parametrize("module", ["referral.entrypoints.migrate", "kit.kafka.topics"])
def test_a_server_that_is_away_is_told_without_the_password(module: str) -> None:
    said = output(module, JOLDAMA_REFERRAL_SQL_URL=f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x")
    assert "onnect" in said
    assert SECRET not in said
