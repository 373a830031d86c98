"""All claims in pages: first those that SCAN finds, then those of steps since its beginning, then the figures.

SCAN returns every key that exists from its beginning to its end; every other claim has a step since the beginning.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_programmes import RedisProgrammes, all_figures
from services.capacity.adapters.redis_scripts import RedisScripts, Reply, version_of
from services.capacity.domain.figures import Staleness
from services.capacity.domain.step import StepId
from services.capacity.ports import ClaimsPosition, ClaimsRead
from services.contracts.claims import DataVersion
from services.contracts.rebuild import KeptClaim
from services.contracts.vocabulary import ClaimState

SCANNED = 1000
STEPS = 500
"""Steps read by one script."""


class RedisClaimPages:
    """The ClaimPages port."""

    def __init__(self, scripts: RedisScripts, staleness: Staleness) -> None:
        self._scripts, self._staleness = scripts, staleness

    async def page(self, position: ClaimsPosition | None, now: datetime) -> ClaimsRead:
        if position is None:
            return await self._scan(version_of(await self._read(())), 0)
        seen = DataVersion(epoch=position.epoch, sequence=position.sequence)
        return await (self._scan(seen, position.scan) if position.scan else self._changed(seen, now))

    async def lookup(self, referral_ids: Sequence[UUID], now: datetime) -> ClaimsRead:
        reply = await self._read([str(one) for one in referral_ids])
        snapshot = await RedisProgrammes(self._scripts, self._staleness).snapshot(now)
        relayed = await self._scripts.ask("HGET", self._scripts.checkpoints, "relayed")
        step = StepId.parse(relayed.decode()).data_version if relayed else None
        return ClaimsRead(version_of(reply), tuple(map(_claim, reply[3:])), None, snapshot.figures, step)

    async def _scan(self, began: DataVersion, cursor: int) -> ClaimsRead:
        pattern = self._scripts.claim_key("*")
        found, keys = await self._scripts.ask("SCAN", cursor, "MATCH", pattern, "COUNT", SCANNED)
        start = len(self._scripts.claim_key(""))
        reply = await self._read([key.decode()[start:] for key in keys], began)
        position = ClaimsPosition(began.epoch, began.sequence, int(found))
        return ClaimsRead(version_of(reply), tuple(map(_claim, reply[3:])), position)

    async def _changed(self, after: DataVersion, now: datetime) -> ClaimsRead:
        reply = await self._scripts.run("read_changed_claims", after.sequence, STEPS, seen=after)
        last, claims, figures = reply[3:]
        read = version_of(reply), tuple(map(_claim, claims))
        if figures is None:
            return ClaimsRead(*read, ClaimsPosition(after.epoch, last, 0))
        return ClaimsRead(*read, None, all_figures(figures, now, self._staleness))

    async def _read(self, referrals: Sequence[str], seen: DataVersion | None = None) -> Reply:
        keys = [self._scripts.claim_key(one) for one in referrals]
        return await self._scripts.run("read_claims", *referrals, keys=keys, seen=seen)


def _claim(found: Sequence[bytes]) -> KeptClaim:
    referral, claim, queued = (one.decode() for one in found)
    attempt, state, *rest = claim.split(" ")
    return KeptClaim(
        referral_id=UUID(referral),
        attempt=int(attempt),
        state=ClaimState(state),
        rank=int(rest[0]) if rest else 0,
        programme_ids=tuple(rest[1:]),
        queued=tuple(queued.split()),
    )
