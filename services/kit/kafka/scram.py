"""Kafka's users: their SCRAM-SHA-512 credentials, stored in the cluster. The password itself is never sent."""

import hashlib
import secrets
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactBytes, CompactString, Int8, Int16, Int32, Schema, TaggedFields
from pydantic import SecretStr

ITERATIONS = 4096
"""Kafka's least, which a random password of 24 bytes does not need."""
SHA_512 = 2
"""The protocol's code of the mechanism. Source: Kafka protocol guide, AlterUserScramCredentials."""


async def set_passwords(admin: AIOKafkaAdminClient, passwords: Mapping[str, SecretStr]) -> None:
    """Make each user, or change its password. Who is signed in stays so. Raises KafkaError."""
    rows = [_credential(user, password.get_secret_value()) for user, password in passwords.items()]
    response = await admin._send_to_controller(_Alter(rows))
    for user, code, message, *_ in response.results:
        if code:
            raise KafkaError(f"password of {user}: {for_code(code).__name__}: {message}")


Credential = tuple[str, int, int, bytes, bytes, dict[int, bytes]]


def _credential(user: str, password: str) -> Credential:
    salt = secrets.token_bytes(32)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return user, SHA_512, ITERATIONS, salt, salted, {}


class _Altered(Response):  # type: ignore[misc]
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString()),
                ("error_code", Int16),
                ("error_message", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterV0(RequestStruct):  # type: ignore[misc]
    API_KEY = 51
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Altered
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", CompactString()), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString()),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Alter(Request[_AlterV0]):  # type: ignore[misc]
    API_KEY = 51

    def __init__(self, credentials: list[Credential]) -> None:
        self._credentials = credentials

    def build(self, request_struct_class: type[_AlterV0]) -> _AlterV0:
        return request_struct_class([], self._credentials, {})
