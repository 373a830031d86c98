"""All claims in pages: first those that SCAN finds, then whoever a step was about meanwhile, then the figures.

SCAN tells every key that is there from its beginning to its end, so the rest is in the stream since the beginning.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_claims import mark_of, read_result, seen_arguments
from services.capacity.adapters.redis_places import RedisPlaces, all_figures
from services.capacity.adapters.redis_scripts import RedisScripts, Reply
from services.capacity.domain.step import StepId
from services.capacity.ports import Told
from services.contracts.claims import ClaimTurns, DataVersion, QueueTurn
from services.contracts.rebuild import KeptClaim
from services.contracts.vocabulary import ClaimState

SCANNED = 1000
STEPS = 500
"""Steps read by one script."""


class RedisBooks:
    """Books. Positions: ("scan", epoch, sequence at the beginning, cursor), then ("steps", epoch, sequence)."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._scripts = scripts

    async def claims(self, position: tuple[str, ...] | None, now: datetime) -> Told:
        match position:
            case None:
                mark = mark_of(await self._scripts.run("dump", [], (0, "", "")))
                return await self._scan(mark, "0")
            case ("scan", epoch, sequence, cursor) if cursor.isdigit():
                return await self._scan(DataVersion(epoch=epoch, sequence=int(sequence)), cursor)
            case ("steps", epoch, sequence):
                return await self._changes(DataVersion(epoch=epoch, sequence=int(sequence)), now)
        raise ValueError("is no position")

    async def look(self, referral_ids: Sequence[UUID], now: datetime) -> Told:
        reply = await self._dump(list(map(str, referral_ids)), None)
        found = {one.referral_id: one for one in map(_read, reply[3:])}
        nothing = [_nothing(one) for one in referral_ids if one not in found]
        snapshot = await RedisPlaces(self._scripts).snapshot(now)
        relayed = await self._scripts.ask("HGET", self._scripts.positions, "relayed")
        return Told(
            mark_of(reply), (*found.values(), *nothing), None, snapshot.figures,
            StepId.parse(relayed.decode()).mark if relayed else None,
        )  # fmt: skip

    async def turns(self, referral_id: UUID) -> ClaimTurns:
        referral = str(referral_id)
        reply = await self._scripts.run("turns", [self._scripts.claim_key(referral)], (0, "", "", referral))
        mark, (claim, *queues) = mark_of(reply), reply[3:]
        turns = tuple(
            QueueTurn(programme_id=programme.decode(), position=front + 1, length=length)
            for programme, front, length in queues
        )
        return ClaimTurns(**read_result(claim, referral_id).model_dump(), mark=mark, turns=turns)

    async def _scan(self, began: DataVersion, cursor: str) -> Told:
        found, keys = await self._scripts.ask(
            "SCAN", cursor, "MATCH", f"{self._scripts.claim_key('*')}", "COUNT", SCANNED
        )
        start = len(self._scripts.claim_key(""))
        reply = await self._dump([key.decode()[start:] for key in keys], began)
        cursor, common = str(found), (began.epoch, str(began.sequence))
        position = ("steps", *common) if cursor == "0" else ("scan", *common, cursor)
        return Told(mark_of(reply), tuple(map(_read, reply[3:])), position)

    async def _changes(self, after: DataVersion, now: datetime) -> Told:
        arguments = (0, *seen_arguments(after), after.sequence, STEPS)
        reply = await self._scripts.run("dump_changes", [], arguments)
        mark, (last, claims, figures, is_all) = mark_of(reply), reply[3:]
        told = tuple(map(_read, claims))
        if is_all:
            return Told(mark, told, None, all_figures(figures, now))
        return Told(mark, told, ("steps", after.epoch, str(last)))

    async def _dump(self, referrals: Iterable[str], seen: DataVersion | None) -> Reply:
        named = list(referrals)
        keys = [self._scripts.claim_key(one) for one in named]
        return await self._scripts.run("dump", keys, (0, *seen_arguments(seen), *named))


def _nothing(referral_id: UUID) -> KeptClaim:
    return KeptClaim(referral_id=referral_id, attempt=0, state=ClaimState.NONE)


def _read(found: Sequence[bytes]) -> KeptClaim:
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
