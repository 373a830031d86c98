"""A service's tables, as small as they can be."""

from sqlalchemy import MetaData

from services.kit.inbox import Inbox
from services.kit.letters import DeadLetterTable
from services.kit.outbox import Message, Outbox
from services.kit.positions import Positions

metadata = MetaData()
outbox = Outbox(metadata)
inbox = Inbox(metadata)
dead_letters = DeadLetterTable(metadata)
positions = Positions(metadata)


def message(number: int, key: str = "k", topic: str = "events.v1") -> Message:
    return Message(f"e{number}", topic, key, b'{"id":"e%d"}' % number)
