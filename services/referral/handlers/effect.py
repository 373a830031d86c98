"""The outcome of handling events in the worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.contracts.claims import DataVersion
from services.contracts.events import Payload
from services.kit.errors import Conflict
from services.referral.domain.referral import Change
from services.referral.ports import BatchContext


@dataclass(frozen=True, slots=True)
class Effect:
    """The outcome of a handler: changes to save, and what they rest on. `early` events are to be tried later."""

    changes: Sequence[Change] = ()
    data_version: DataVersion | None = None
    registry_version: int = 0
    early: frozenset[str] = frozenset()


NOTHING = Effect()


class Handler(Protocol):
    """Handles the new events of its types in a batch. Repeating it changes nothing."""

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        """`batch`: event id to payload, in order."""
        ...


def newest(versions: Sequence[DataVersion | None]) -> DataVersion | None:
    """The newest of these data versions; raises Conflict when capacity was rebuilt between them."""
    known = [one for one in versions if one]
    if len({one.epoch for one in known}) > 1:
        raise Conflict("capacity was rebuilt amid this batch")
    return max(known, key=lambda one: one.sequence, default=None)
