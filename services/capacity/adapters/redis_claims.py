"""Claims on Redis or Valkey: one function a script."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.capacity.adapters.redis_scripts import RedisScripts, Reply
from services.capacity.domain.entries import to_ms
from services.capacity.ports import Rebuilding
from services.contracts.claims import ClaimAnswer, ClaimRequest, ClaimResult, ClaimsBatchResult, Mark
from services.contracts.vocabulary import ClaimState

KEEP_RELEASED_MS = 90 * 86_400_000
"""How long a claim that was given back is remembered, so that its late repeat takes nothing."""


class RedisClaims:
    """The Claims port."""

    def __init__(self, scripts: RedisScripts) -> None:
        self._scripts = scripts

    async def claim(self, requests: Sequence[ClaimRequest], seen: Mark | None = None) -> ClaimsBatchResult:
        if not requests:
            _, mark = await self._present("")
            return ClaimsBatchResult(results=(), mark=mark)
        marked = seen_arguments(seen)
        named = [candidates(request) for request in requests]
        replies = await self._scripts.run_many(
            "claim",
            [_claim_call(self._scripts, request, names, marked)
             for request, names in zip(requests, named, strict=True)],
        )  # fmt: skip
        results = tuple(
            _claim_result(reply, request, names) for reply, request, names in zip(replies, requests, named, strict=True)
        )
        return ClaimsBatchResult(results=results, mark=mark_of(replies[-1]))

    async def occupy(self, referral_id: UUID, attempt: int, at: datetime, seen: Mark | None = None) -> ClaimAnswer:
        return await self._change("occupy", referral_id, (to_ms(at), *seen_arguments(seen)), (attempt,))

    async def release(self, referral_id: UUID, attempt: int, at: datetime, seen: Mark | None = None) -> ClaimAnswer:
        moment = (to_ms(at), *seen_arguments(seen))
        return await self._change("release", referral_id, moment, (attempt, KEEP_RELEASED_MS))

    async def present(self, referral_id: UUID) -> ClaimAnswer:
        reply, mark = await self._present(str(referral_id))
        return ClaimAnswer(**_result(reply, referral_id).model_dump(), mark=mark)

    async def _present(self, referral: str) -> tuple[Reply, Mark]:
        reply = await self._scripts.run("present", [self._scripts.claim_key(referral)], (0, "", ""))
        return reply, mark_of(reply)

    async def _change(
        self, name: str, referral_id: UUID, moment: tuple[int | str, ...], rest: tuple[int, ...]
    ) -> ClaimAnswer:
        referral = str(referral_id)
        reply = await self._scripts.run(name, [self._scripts.claim_key(referral)], (*moment, referral, *rest))
        return ClaimAnswer(**_result(reply, referral_id).model_dump(), mark=mark_of(reply))


def candidates(request: ClaimRequest) -> list[str]:
    """The programmes by preference, none named twice, with an empty name between two tiers."""
    named: dict[str, None] = {}
    flat: list[str] = []
    for tier in request.candidates:
        fresh = [name for name in dict.fromkeys(tier) if name not in named]
        if fresh and flat:
            flat.append("")
        flat += fresh
        named.update(dict.fromkeys(fresh))
    return flat


def seen_arguments(seen: Mark | None) -> tuple[str, int | str]:
    return (seen.epoch, seen.sequence) if seen else ("", "")


def mark_of(reply: Reply) -> Mark:
    """The mark after a script; raises Rebuilding when it did nothing."""
    if reply[0] == b"rebuilding":
        raise Rebuilding
    return Mark(epoch=reply[1].decode(), sequence=int(reply[2]))


def _claim_call(
    scripts: RedisScripts, request: ClaimRequest, names: list[str], seen: tuple[str, int | str]
) -> tuple[list[str], list[str | int]]:
    referral = str(request.referral_id)
    head = (to_ms(request.at), *seen, referral, request.attempt, request.rank)
    return [scripts.claim_key(referral)], [*head, *names]


def _claim_result(reply: Reply, request: ClaimRequest, names: list[str]) -> ClaimResult:
    result = _result(reply, request.referral_id)
    if len(reply) > 7:
        free = {name: count for name, count in zip(names, reply[7:], strict=True) if name}
        return result.model_copy(update={"free": free})
    return result


def _result(reply: Reply, referral_id: UUID) -> ClaimResult:
    if reply[0] == b"rebuilding":
        raise Rebuilding
    state, attempt, programme, repeated = reply[3:7]
    return ClaimResult.model_construct(
        referral_id=referral_id,
        attempt=attempt,
        state=ClaimState(state.decode()),
        programme_id=programme.decode() or None,
        repeated=bool(repeated),
        free={},
    )
