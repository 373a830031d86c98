"""All claims in pages: first those that SCAN finds, then those of steps since its beginning, then the figures.

SCAN returns every key that exists from its beginning to its end; every other claim has a step since the beginning.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_programmes import RedisProgrammes, all_figures
from services.capacity.adapters.redis_scripts import RedisScripts, version_of
from services.capacity.adapters.unreadable import set_aside
from services.capacity.domain.entries import read_claim
from services.capacity.domain.figures import Staleness
from services.capacity.domain.step import StepId
from services.capacity.ports import ClaimsPosition, ClaimsRead
from services.contracts.claims import DataVersion, UnreadableClaim
from services.contracts.rebuild import KeptClaim

SCANNED = 1000
"""Keys at which one step of the walk looks."""
STEPS = 500
"""Steps read by one script."""


class RedisClaimPages:
    """The ClaimPages port."""

    def __init__(self, scripts: RedisScripts, staleness: Staleness) -> None:
        self._scripts, self._staleness = scripts, staleness

    async def page(self, position: ClaimsPosition | None, now: datetime) -> ClaimsRead:
        if position is None:
            return await self._scan(None, 0)
        seen = DataVersion(epoch=position.epoch, sequence=position.sequence)
        return await (self._scan(seen, position.scan) if position.scan else self._changed(seen, now))

    async def lookup(self, referral_ids: Sequence[UUID], now: datetime) -> ClaimsRead:
        keys = [self._scripts.claim_key(one) for one in referral_ids]
        reply = await self._scripts.run("read_claims", *map(str, referral_ids), keys=keys)
        snapshot = await RedisProgrammes(self._scripts, self._staleness).snapshot(now)
        relayed = await self._scripts.ask("HGET", self._scripts.checkpoints, "relayed")
        step = StepId.parse(relayed.decode()).data_version if relayed else None
        claims, unreadable = _claims(reply[3:])
        return ClaimsRead(version_of(reply), claims, None, snapshot.figures, step, unreadable)

    async def _scan(self, began: DataVersion | None, cursor: int) -> ClaimsRead:
        """A page of the walk, which began at that data version, or begins now."""
        reply = await self._scripts.run("scan_claims", str(cursor), SCANNED, seen=began)
        began = began or version_of(reply)
        following, found = reply[3:]
        claims, unreadable = _claims(found)
        position = ClaimsPosition(began.epoch, began.sequence, int(following))
        return ClaimsRead(version_of(reply), claims, position, unreadable=unreadable)

    async def _changed(self, after: DataVersion, now: datetime) -> ClaimsRead:
        reply = await self._scripts.run("read_changed_claims", after.sequence, STEPS, seen=after)
        last, found, figures = reply[3:]
        claims, unreadable = _claims(found)
        position = ClaimsPosition(after.epoch, last, 0) if figures is None else None
        shown = None if figures is None else all_figures(figures, now, self._staleness)
        return ClaimsRead(version_of(reply), claims, position, shown, unreadable=unreadable)


def _claims(found: Sequence[Sequence[bytes]]) -> tuple[tuple[KeptClaim, ...], tuple[UnreadableClaim, ...]]:
    """The claims, and those that cannot be read. A key that names no referral is logged only."""
    claims, unreadable = list[KeptClaim](), list[UnreadableClaim]()
    for key, *described in found:
        if (referral_id := _named(key)) is None:
            continue
        one = read_claim(referral_id, *(part.decode(errors="replace") for part in described))
        if isinstance(one, KeptClaim):
            claims.append(one)
        else:
            unreadable.append(one)
            set_aside("claim", str(one.referral_id), one.reason)
    return tuple(claims), tuple(unreadable)


def _named(key: bytes) -> UUID | None:
    try:
        return UUID(key.decode())
    except ValueError:
        set_aside("claim", repr(key)[:100], "its key names no referral")
        return None
