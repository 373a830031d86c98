"""A place that came free was handed to the first in the queue: offer the child to its center."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.contracts.claims import DataVersion
from services.contracts.events import Event, PlaceHandedOverV1, PlacesSetV1
from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.errors import PermanentError, TransientError
from services.referral.domain.life import Command
from services.referral.domain.referral import Change
from services.referral.handlers.route import offer_place
from services.referral.ports import Clock, Loaded, Referrals, Registry

CONSUMER = "take_handovers"
PATIENCE = 60.0
"""Seconds that a hand-over waits for the commit that recorded its waiting."""


@dataclass
class TakeHandovers:
    """Takes a batch: those whose waiting is recorded are offered; for the others it asks to be called again."""

    referrals: Referrals
    registry: Registry
    clock: Clock
    _first_seen: dict[str, float] = field(default_factory=dict)

    async def __call__(self, batch: Sequence[Event]) -> None:
        figures = {e.envelope.id: e.data for e in batch if isinstance(e.data, PlacesSetV1)}
        if figures:
            await self.registry.set_figures(CONSUMER, figures)
        handed = {e.envelope.id: e.data for e in batch if isinstance(e.data, PlaceHandedOverV1)}
        if handed:
            await self._offer(handed)

    async def _offer(self, handed: dict[str, PlaceHandedOverV1]) -> None:
        ids = [data.referral_id for data in handed.values() if data.referral_id]
        found = await self.referrals.look(CONSUMER, handed.keys(), ids)
        network, now = await self.registry.network(), self.clock()
        changes: dict[UUID, Change] = {}
        early = set()
        for event_id, data in handed.items():
            loaded = found.known.get(data.referral_id) if data.referral_id else None
            if event_id not in found.unseen or _lost(data, found.mark):
                continue
            if _too_early(loaded, data):
                early.add(event_id)
            elif loaded and _waits_for(loaded, data):
                one = loaded.referral
                changes[one.id] = offer_place(one, data.programme_id, network, now, command=Command.HAND_OVER)
        taken = found.unseen - early
        mark = _newest(handed[one] for one in taken if not _lost(handed[one], found.mark))
        await self.referrals.save(list(changes.values()), consumer=CONSUMER, event_ids=taken, mark=mark)
        self._be_patient(early)

    def _be_patient(self, early: set[str]) -> None:
        now = time.monotonic()
        self._first_seen = {one: since for one, since in self._first_seen.items() if now - since < 10 * PATIENCE}
        for one in early:
            self._first_seen.setdefault(one, now)
        if any(now - self._first_seen[one] > PATIENCE for one in early):
            raise PermanentError("referral_id: no such referral waits under this attempt")
        if early:
            raise TransientError(f"{len(early)} hand-overs came before the commit that recorded their waiting")


def _lost(data: PlaceHandedOverV1, mark: DataVersion | None) -> bool:
    """Whether it was handed over by a generation that the record has left: who waits still waits, in the new one."""
    return mark is not None and data.epoch != mark.epoch


def _newest(steps: Iterable[PlaceHandedOverV1]) -> DataVersion | None:
    """How far capacity has come by these: data that is behind it has forgotten what is recorded here."""
    last = max(steps, key=lambda one: (one.epoch, one.sequence), default=None)
    return DataVersion(epoch=last.epoch, sequence=last.sequence) if last else None


def _too_early(loaded: Loaded | None, data: PlaceHandedOverV1) -> bool:
    if loaded is None:
        return True
    one = loaded.referral
    return one.state not in CLOSED and one.attempt < (data.attempt or 0)


def _waits_for(loaded: Loaded, data: PlaceHandedOverV1) -> bool:
    return loaded.referral.state is ReferralState.WAITING and loaded.referral.attempt == data.attempt
