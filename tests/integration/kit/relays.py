"""Relays of the tests' outbox."""

from collections.abc import AsyncIterator

import pytest

from services.kit.kafka.outbox_store import OutboxStore
from services.kit.kafka.publisher import Publisher
from services.kit.kafka.relay import Relay
from services.kit.sql.database import Database
from services.kit.sql.lease import Lease
from tests.integration.kit.conftest import pending
from tests.integration.kit.tables import leases, outbox

_made: list[OutboxStore] = []


def make_relay(database: Database, publisher: Publisher, *, milliseconds: int = 600_000, wait: float = 0.01) -> Relay:
    """A relay with a lease of its own, as in a process of its own; the lease lasts for so many `milliseconds`."""
    store = OutboxStore(database, outbox, Lease(database, leases, "outbox", milliseconds))
    _made.append(store)
    return Relay(store, publisher, wait=wait)


@pytest.fixture(autouse=True)
async def ended_relays() -> AsyncIterator[None]:
    """A relay that was not run to its release, as one that was killed, leaves no connection open."""
    yield
    while _made:
        await _made.pop().close()


async def publish_all(relay: Relay, database: Database) -> None:
    while await pending(database):
        await relay.step()
