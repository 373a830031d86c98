"""A service's tables, as small as they can be."""

from sqlalchemy import MetaData

from services.kit.dead_letters.dead_letter import dead_letter_table
from services.kit.kafka.checkpoints import Checkpoints
from services.kit.outgoing_event import OutgoingEvent
from services.kit.sql.inbox import Inbox
from services.kit.sql.lease import lease_table
from services.kit.sql.outbox import Outbox

metadata = MetaData()
outbox = Outbox(metadata)
inbox = Inbox(metadata)
dead_letters = dead_letter_table(metadata)
checkpoints = Checkpoints(metadata)
leases = lease_table(metadata)


def message(number: int, key: str = "k", topic: str = "events.v1") -> OutgoingEvent:
    return OutgoingEvent(topic, key, b'{"id":"e%d"}' % number, f"e{number}")
