"""Kafka's access rules: a table of users, topics and groups, such as `deploy/acls.toml`, becomes the broker's ACLs."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1, DeleteAclsRequest_v1, DescribeAclsRequest
from aiokafka.protocol.api import Request
from pydantic import BaseModel, TypeAdapter

TOPIC, GROUP = 2, 3
READ, WRITE, DESCRIBE = 3, 4, 8
ANY, LITERAL, ALLOW = 1, 3, 3
"""The protocol's codes of resources, operations, patterns and permissions. Source: Kafka protocol guide."""


class Rights(BaseModel, frozen=True, extra="forbid"):
    """What one user may do. Whoever may read or write a topic, or read a group, may describe it as well."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()


class Acl(NamedTuple):
    """One rule in the protocol's order: `principal` is allowed `operation` on a topic or a group."""

    kind: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int


def read_rights(path: Path) -> dict[str, Rights]:
    """The table by user. Raises ValidationError when it has anything else."""
    return TypeAdapter(dict[str, Rights]).validate_python(tomllib.loads(path.read_text()))


def planned_acls(rights: Mapping[str, Rights], prefix: str) -> set[Acl]:
    """The rules of the table, for the topics and groups of `prefix`."""
    return {
        Acl(kind, f"{prefix}.{name}", LITERAL, f"User:{user}", "*", operation, ALLOW)
        for user, own in rights.items()
        for names, kind, operation in (
            (own.read, TOPIC, READ),
            (own.write, TOPIC, WRITE),
            (own.groups, GROUP, READ),
            (own.positions, GROUP, DESCRIBE),
        )
        for name in names
    }


async def apply_acls(admin: AIOKafkaAdminClient, wanted: Collection[Acl], prefix: str) -> tuple[int, int]:
    """Make the rules on the topics and groups of `prefix` those that are wanted; how many were added, and removed.

    Raises KafkaError, also when the broker has no authorizer.
    """
    present = {one for one in await _present(admin) if one.name.startswith(f"{prefix}.")}
    added, removed = sorted(set(wanted) - present), sorted(present - set(wanted))
    if added:
        created = await admin._send_to_controller(_Create(added))
        _check(created.creation_responses)
    if removed:
        deleted = await admin._send_to_controller(_Delete(removed))
        _check(deleted.filter_responses)
    return len(added), len(removed)


async def _present(admin: AIOKafkaAdminClient) -> list[Acl]:
    found = await admin._send_to_controller(DescribeAclsRequest(ANY, None, ANY, None, None, ANY, ANY))
    _check([(found.error_code, found.error_message)])
    return [Acl(kind, name, pattern, *acl) for kind, name, pattern, acls in found.resources for acl in acls]


def _check(results: Sequence[tuple[int, str | None, *tuple[object, ...]]]) -> None:
    for code, message, *_ in results:
        if code:
            raise KafkaError(f"access rules: {for_code(code).__name__}: {message}")


class _Create(Request[CreateAclsRequest_v1]):  # type: ignore[misc]
    """Many rules at once, where aiokafka's own request takes one."""

    API_KEY = CreateAclsRequest_v1.API_KEY

    def __init__(self, acls: Sequence[Acl]) -> None:
        self._acls = acls

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return request_struct_class(self._acls)


class _Delete(Request[DeleteAclsRequest_v1]):  # type: ignore[misc]
    """Many rules at once, each by all of its fields."""

    API_KEY = DeleteAclsRequest_v1.API_KEY

    def __init__(self, acls: Sequence[Acl]) -> None:
        self._acls = acls

    def build(self, request_struct_class: type[DeleteAclsRequest_v1]) -> DeleteAclsRequest_v1:
        return request_struct_class(self._acls)
