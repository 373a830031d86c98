"""Claims on Redis or Valkey: one function a script."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from uuid import UUID

from services.capacity.adapters.redis_scripts import RedisScripts, Reply, WrongType, version_of
from services.capacity.adapters.unreadable import set_aside
from services.capacity.domain.entries import UNREADABLE, to_ms, unreadable
from services.contracts.claims import (
    ClaimChange,
    ClaimPositions,
    ClaimRequest,
    ClaimResult,
    ClaimsBatchResult,
    DataVersion,
    QueuePosition,
    UnreadableClaim,
)
from services.contracts.vocabulary import ClaimState
from services.kit.tracing import of_subject

TOGETHER = 25
"""Claims of one script: enough to share its cost, few enough that nobody waits long for it."""
Tiers = Sequence[Sequence[str]]
_STATES = {state.value.encode(): state for state in ClaimState}


class RedisClaims:
    """The Claims port."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._scripts = scripts

    async def claim(self, requests: Sequence[ClaimRequest], seen: DataVersion | None = None) -> ClaimsBatchResult:
        named = [distinct(one.candidates) for one in requests]
        claims = [
            (
                str(one.referral_id),
                one.attempt,
                one.rank,
                to_ms(one.at),
                " | ".join(map(" ".join, tiers)),
                int(one.retain),
                of_subject(str(one.referral_id)) or one.traceparent or "",
            )
            for one, tiers in zip(requests, named, strict=True)
        ]
        replies = await self._scripts.run_on_claims("claim", claims, together=TOGETHER, seen=seen)
        return _batch_result(requests, named, replies)

    async def occupy(
        self, changes: Sequence[ClaimChange], at: datetime, seen: DataVersion | None = None
    ) -> ClaimsBatchResult:
        return await self._change("occupy", changes, at, seen)

    async def release(
        self, changes: Sequence[ClaimChange], at: datetime, seen: DataVersion | None = None
    ) -> ClaimsBatchResult:
        return await self._change("release", changes, at, seen)

    async def _change(
        self, script: str, changes: Sequence[ClaimChange], at: datetime, seen: DataVersion | None
    ) -> ClaimsBatchResult:
        claims = [(str(one.referral_id), one.attempt) for one in changes]
        replies = await self._scripts.run_on_claims(script, claims, together=TOGETHER, at=at, seen=seen)
        return _batch_result(changes, [()] * len(changes), replies)

    async def positions(self, referral_ids: Sequence[UUID]) -> Sequence[ClaimPositions | UnreadableClaim]:
        calls = [([self._scripts.claim_key(one)], [str(one)]) for one in referral_ids]
        replies = await self._scripts.run_each("queue_positions", calls, None, None)
        return [_read_positions(one, reply) for one, reply in zip(referral_ids, replies, strict=True)]


def _read_positions(referral_id: UUID, reply: Reply | WrongType) -> ClaimPositions | UnreadableClaim:
    try:
        if isinstance(reply, WrongType):
            raise reply
        return _positions(referral_id, reply)
    except (*UNREADABLE, WrongType) as error:
        set_aside("claim", str(referral_id), reason := unreadable(error))
        return UnreadableClaim(referral_id=referral_id, reason=reason)


def _positions(referral_id: UUID, reply: Reply) -> ClaimPositions:
    claim, *queues = reply[3:]
    positions = tuple(
        QueuePosition(programme_id=programme.decode(), position=front + 1, length=length)
        for programme, front, length in queues
    )
    result = read_result(claim, referral_id).model_dump()
    return ClaimPositions(**result, data_version=version_of(reply), positions=positions)


def _batch_result(
    asked: Iterable[ClaimRequest | ClaimChange], candidates: Iterable[Tiers], replies: Sequence[Reply]
) -> ClaimsBatchResult:
    """The results in order, and the data version after the last."""
    found = chain.from_iterable(reply[3:] for reply in replies)
    results = [
        read_result(result, one.referral_id, tiers) for one, tiers, result in zip(asked, candidates, found, strict=True)
    ]
    return ClaimsBatchResult(results=tuple(results), data_version=version_of(replies[-1]))


def distinct(tiers: Tiers) -> Tiers:
    """The tiers with every programme in its first tier only."""
    names = [name for tier in tiers for name in tier]
    if len(set(names)) == len(names):
        return tiers
    kept: list[list[str]] = []
    for tier in tiers:
        kept.append([name for name in dict.fromkeys(tier) if not any(name in before for before in kept)])
    return [tier for tier in kept if tier]


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
