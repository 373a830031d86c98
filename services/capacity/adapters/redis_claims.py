"""Claims on Redis or Valkey: one function a script."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_scripts import RedisScripts, Reply
from services.capacity.domain.entries import to_ms
from services.capacity.ports import Rebuilding
from services.contracts.claims import ClaimAnswer, ClaimRequest, ClaimResult, ClaimsBatchResult, DataVersion
from services.contracts.vocabulary import ClaimState

KEEP_RELEASED_MS = 90 * 86_400_000
"""How long a claim that was given back is remembered, so that its late repeat takes nothing."""


TOGETHER = 25
"""How many claims one script takes: enough to share its cost, few enough that nobody waits long for it."""
Tiers = Sequence[Sequence[str]]
_STATES = {state.value.encode(): state for state in ClaimState}


class RedisClaims:
    """The Claims port."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._scripts = scripts

    async def claim(self, requests: Sequence[ClaimRequest], seen: DataVersion | None = None) -> ClaimsBatchResult:
        if not requests:
            return ClaimsBatchResult(results=(), mark=mark_of(await self._present("")))
        named = [distinct(request.candidates) for request in requests]
        calls = [
            self._call(requests[at : at + TOGETHER], named[at : at + TOGETHER], seen)
            for at in range(0, len(requests), TOGETHER)
        ]
        replies = await self._scripts.run_many("claim", calls)
        marks = [mark_of(reply) for reply in replies]
        flat = [result for reply in replies for result in reply[3:]]
        results = [
            read_result(found, request.referral_id, tiers)
            for found, request, tiers in zip(flat, requests, named, strict=True)
        ]
        return ClaimsBatchResult(results=tuple(results), mark=marks[-1])

    def _call(
        self, requests: Sequence[ClaimRequest], named: Sequence[Tiers], seen: DataVersion | None
    ) -> tuple[list[str], list[str | int]]:
        keys: list[str] = []
        arguments: list[str | int] = [0, *seen_arguments(seen)]
        for request, tiers in zip(requests, named, strict=True):
            referral = str(request.referral_id)
            keys.append(self._scripts.claim_key(referral))
            named_in_order = " | ".join(map(" ".join, tiers))
            arguments += (referral, request.attempt, request.rank, to_ms(request.at), named_in_order, int(request.keep))
        return keys, arguments

    async def occupy(
        self, referral_id: UUID, attempt: int, at: datetime, seen: DataVersion | None = None
    ) -> ClaimAnswer:
        return await self._change("occupy", referral_id, (to_ms(at), *seen_arguments(seen)), (attempt,))

    async def release(
        self, referral_id: UUID, attempt: int, at: datetime, seen: DataVersion | None = None
    ) -> ClaimAnswer:
        moment = (to_ms(at), *seen_arguments(seen))
        return await self._change("release", referral_id, moment, (attempt, KEEP_RELEASED_MS))

    async def present(self, referral_id: UUID) -> ClaimAnswer:
        return _answer(await self._present(str(referral_id)), referral_id)

    async def _present(self, referral: str) -> Reply:
        return await self._scripts.run("present", [self._scripts.claim_key(referral)], (0, "", ""))

    async def _change(
        self, name: str, referral_id: UUID, moment: tuple[int | str, ...], rest: tuple[int, ...]
    ) -> ClaimAnswer:
        referral = str(referral_id)
        key = self._scripts.claim_key(referral)
        return _answer(await self._scripts.run(name, [key], (*moment, referral, *rest)), referral_id)


def distinct(tiers: Tiers) -> Tiers:
    """The tiers with every programme where it is named first."""
    names = [name for tier in tiers for name in tier]
    if len(set(names)) == len(names):
        return tiers
    where: dict[str, int] = {}
    for number, tier in enumerate(tiers):
        for name in tier:
            where.setdefault(name, number)
    kept = [[name for name in where if where[name] == number] for number in range(len(tiers))]
    return [tier for tier in kept if tier]


def seen_arguments(seen: DataVersion | None) -> tuple[str, int | str]:
    return (seen.epoch, seen.sequence) if seen else ("", "")


def mark_of(reply: Reply) -> DataVersion:
    """The mark after a script; raises Rebuilding when it did nothing."""
    if reply[0] == b"rebuilding":
        raise Rebuilding
    return DataVersion(epoch=reply[1].decode(), sequence=int(reply[2]))


def read_result(found: Reply, referral_id: UUID, tiers: Tiers = ()) -> ClaimResult:
    """One claim's result; its free places, where it has some, are those of the candidates in order."""
    state, attempt, at, repeated, *free = found
    names = [name for tier in tiers for name in tier] if free else ()
    programmes = tuple(at.decode().split())
    waits = _STATES[state] is ClaimState.WAITING
    return ClaimResult(
        referral_id=referral_id,
        attempt=attempt,
        state=_STATES[state],
        programme_id=programmes[0] if programmes and not waits else None,
        repeated=bool(repeated),
        free=dict(zip(names, free, strict=True)),
        queues=programmes if waits else (),
    )


def _answer(reply: Reply, referral_id: UUID) -> ClaimAnswer:
    mark = mark_of(reply)
    return ClaimAnswer(**read_result(reply[3], referral_id).model_dump(), mark=mark)
