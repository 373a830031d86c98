"""A service's tables, as small as they can be."""

from sqlalchemy import MetaData

from services.kit.dead_letters.dead_letter import DeadLetterTable
from services.kit.kafka.checkpoints import Positions
from services.kit.sql.inbox import Inbox
from services.kit.sql.outbox import Message, Outbox

metadata = MetaData()
outbox = Outbox(metadata)
inbox = Inbox(metadata)
dead_letters = DeadLetterTable(metadata)
positions = Positions(metadata)


def message(number: int, key: str = "k", topic: str = "events.v1") -> Message:
    return Message(f"e{number}", topic, key, b'{"id":"e%d"}' % number)
