"""What the topics' settings file asks for."""

import pytest

from services.kit.kafka.topics import planned
from services.kit.settings import CHECKOUT

FILE = CHECKOUT / "deploy" / "topics.toml"


@pytest.mark.parametrize(("replicas", "needed"), [(1, "1"), (2, "1"), (3, "2")])
def test_the_number_of_replicas_may_be_replaced_and_all_but_one_must_have_a_record(replicas: int, needed: str) -> None:
    topics = planned(FILE, "joldama", replicas)
    assert {topic.replication_factor for topic in topics} == {replicas}
    assert {topic.topic_configs["min.insync.replicas"] for topic in topics} == {needed}


def test_without_a_number_the_file_decides() -> None:
    assert {topic.replication_factor for topic in planned(FILE, "joldama")} == {1}
