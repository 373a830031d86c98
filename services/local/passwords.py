"""The passwords of a local network's servers, made once a home: Valkey's, Kafka's admin's, and one a Kafka user."""

import json
import secrets
import tomllib
from collections.abc import Mapping

from services.local.home import Home, read_json
from services.local.jars import CHECKOUT
from services.local.kafka import ADMIN
from services.local.private import write_private

ACLS = CHECKOUT / "deploy" / "acls.toml"
VALKEY, CONSOLE = "valkey", "valkey-console"


def kafka_users() -> list[str]:
    """The processes that sign in to Kafka."""
    return list(tomllib.loads(ACLS.read_text()))


def server_passwords(home: Home) -> dict[str, str]:
    """By user; missing ones are made."""
    file = home.secrets / "servers.json"
    known = {user: str(password) for user, password in read_json(file).items()}
    if missing := {
        user: secrets.token_hex(24) for user in (VALKEY, CONSOLE, ADMIN, *kafka_users()) if not known.get(user)
    }:
        write_private(file, json.dumps(known | missing, indent=2) + "\n")
    return known | missing


def kafka_login(user: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """The environment by which a process signs in to the local Kafka; empty for one that is no user there."""
    if user not in passwords:
        return {}
    return {
        "JOLDAMA_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "JOLDAMA_KAFKA_SASL_MECHANISM": "PLAIN" if user == ADMIN else "SCRAM-SHA-512",
        "JOLDAMA_KAFKA_USERNAME": user,
        "JOLDAMA_KAFKA_PASSWORD": passwords[user],
    }
