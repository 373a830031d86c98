"""Faust's assignor for workers that keep their name and change their host."""

from typing import Any, cast

from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor


class AnyHostAssignor(PartitionAssignor):
    """It takes what was assigned to the same worker on another host, as a container that is made anew is one.

    Kafka gives a static member that is back within its session its old assignment, with the URL of its old host, on
    which Faust's would raise and consume nothing any more. Joldama asks no worker by its URL.
    """

    def on_assignment(self, assignment: Any) -> None:
        found = cast(ClientMetadata, ClientMetadata.loads(self._decompress(assignment.user_data)))
        found.url = str(self._url)
        assignment.user_data = self._compress(found.dumps())
        super().on_assignment(assignment)
