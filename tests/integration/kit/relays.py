"""Relays of the tests' outbox."""

from services.kit.kafka.outbox_store import OutboxStore
from services.kit.kafka.publisher import Publisher
from services.kit.kafka.relay import Relay
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from tests.integration.kit.conftest import pending
from tests.integration.kit.tables import leases, outbox


def make_relay(database: Database, publisher: Publisher, *, milliseconds: int = 600_000, wait: float = 0.01) -> Relay:
    """A relay with a lease of its own, as in a process of its own; the lease lasts for so many `milliseconds`."""
    store = OutboxStore(database, outbox, Lease(database, leases, "outbox", milliseconds))
    return Relay(store, publisher, wait=wait)


async def publish_all(relay: Relay, database: Database) -> None:
    while await pending(database):
        await relay.step()
