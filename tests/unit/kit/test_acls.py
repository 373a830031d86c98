"""The table of Kafka's access rules: what is in it, and what it may not contain."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.contracts import topics
from services.kit.kafka.acls import DESCRIBE, GROUP, READ, TOPIC, WRITE, planned_acls, read_rights
from services.kit.settings import CHECKOUT

FILE = CHECKOUT / "deploy" / "acls.toml"


def test_each_name_of_the_table_is_a_topic_of_the_network_or_its_dead_letters() -> None:
    made = tomllib.loads((CHECKOUT / "deploy" / "topics.toml").read_text())["topics"]
    known = {*made, *(f"{name}.dlq" for name in made)}
    rights = read_rights(FILE)
    assert {name for own in rights.values() for name in (*own.read, *own.write)} <= known


def test_one_process_writes_a_topic_and_nobody_else() -> None:
    rights = read_rights(FILE)
    writers = {name: [user for user, own in rights.items() if name in own.write] for name in topics.ALL}
    assert writers == {
        topics.DIAGNOSES: ["intake-relay"],
        topics.REFERRALS: ["referral-relay"],
        topics.ROUTING: ["referral-relay"],
        topics.CAPACITY: ["capacity-relay"],
        topics.HANDOVERS: ["capacity-relay"],
    }


def test_the_worker_reads_its_topics_and_no_other() -> None:
    worker = read_rights(FILE)["referral-worker"]
    assert set(worker.read) == set(topics.WORKER)
    assert set(worker.write) == {f"{name}.dlq" for name in topics.WORKER}


def test_rules_are_literal_for_one_user_each() -> None:
    acls = planned_acls(read_rights(FILE), "p")
    assert all(one.pattern == 3 and one.host == "*" and one.permission == 3 for one in acls)
    assert {(one.kind, one.operation) for one in acls} == {
        (TOPIC, READ),
        (TOPIC, WRITE),
        (GROUP, READ),
        (GROUP, DESCRIBE),
    }
    assert all(one.name.startswith("p.") for one in acls)


def test_a_misspelt_right_is_refused(tmp_path: Path) -> None:
    (file := tmp_path / "acls.toml").write_text('[relay]\nwrites = ["a"]\n')
    with pytest.raises(ValidationError, match="writes"):
        read_rights(file)
