"""A worker that keeps its name takes, on a new host, what was assigned to its old self."""

import zlib

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor
from faust.types import TP

from services.referral.entrypoints.worker import build
from services.referral.settings import ReferralSettings

TOPIC = "joldama.diagnoses.v1"


def assigned(url: str) -> ConsumerProtocolMemberAssignment:
    """What Kafka keeps for a member: here two partitions, made when its worker was at `url`."""
    made = ClientMetadata(
        assignment=ClientAssignment(actives={TOPIC: [0, 3]}, standbys={}),
        url=url,
        changelog_distribution={},
        external_topic_distribution={},
        topic_groups={},
    )
    return ConsumerProtocolMemberAssignment(0, [(TOPIC, [0, 3])], zlib.compress(made.dumps()))


def test_a_worker_takes_what_was_assigned_to_it_on_another_host() -> None:
    """A container that is made anew has another host's name; within its session Kafka gives it the old assignment."""
    app = build(
        ReferralSettings(
            kafka_servers="k:9092",
            referral_sql_url="sqlite://",
            capacity_url="http://c",
            intake_url="http://i",
            mode="local",
        )
    )
    assignor = app.assignor
    assert isinstance(assignor, PartitionAssignor)
    assignor.on_assignment(assigned("http://another-host:6066"))
    assert assignor.assigned_actives() == {TP(TOPIC, 0), TP(TOPIC, 3)}
    with pytest.raises(AssertionError):  # or Faust's own would do
        PartitionAssignor(app).on_assignment(assigned("http://another-host:6066"))
