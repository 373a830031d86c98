"""The routing step that new and re-routed children share: decide, claim, and say what became of it."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.claims import ClaimRequest, ClaimResult, DataVersion, WaitingClaim
from services.contracts.vocabulary import ClaimState
from services.kit.errors import Conflict, PermanentError
from services.referral.domain.life import Command
from services.referral.domain.network import Network
from services.referral.domain.referral import Change, Referral, make_offer, set_aside, start_waiting
from services.referral.domain.routing import Decision, candidate, in_order, rank_programmes
from services.referral.ports import Claims, Registry


@dataclass(frozen=True, slots=True)
class Draft:
    """A referral that is with the router, and where it may go under its attempt.

    `keep`: what it was handed meanwhile under the attempt before, of which no offer was made, is still its own.
    """

    referral: Referral
    decision: Decision
    keep: bool = False

    def request(self, at: datetime) -> ClaimRequest:
        one = self.referral
        return ClaimRequest.model_construct(
            referral_id=one.id,
            attempt=one.attempt,
            rank=one.rank,
            candidates=self.decision.tiers(),
            keep=self.keep,
            at=at,
        )


def draft(referral: Referral, network: Network, at: datetime, passed: Collection[str] = ()) -> Draft:
    """Decide where `referral` may go; raises PermanentError when its settlement is unknown."""
    try:
        neighbors = network.neighbors(referral.needs.settlement_id)
    except KeyError:
        raise PermanentError(f"settlement_id: no settlement {referral.needs.settlement_id}") from None
    return Draft(referral, rank_programmes(referral.needs, neighbors, at, passed, network.staleness))


async def place(
    drafts: Sequence[Draft],
    claims: Claims,
    registry: Registry,
    network: Network,
    seen: DataVersion | None,
    at: datetime,
) -> tuple[list[Change], DataVersion | None]:
    """Claim for all in one call; one change a draft, in order, and capacity's mark afterwards."""
    asking = [one for one in drafts if one.decision.candidates]
    answers, seen = await _claim(asking, claims, seen, at)
    await _join_newer_queues([one for one in answers if _waits_again(one)], claims, registry, seen)
    nowhere = [one for one in drafts if not one.decision.candidates]
    # An earlier try that was cut off may hold a place under this attempt, also for a child that is new in the record.
    released = await asyncio.gather(*(claims.release(one.referral.id, one.referral.attempt, seen) for one in nowhere))
    marks = [mark for mark in (seen, *released) if mark]
    made = {one.referral.id: _outcome(one, result, network, at) for one, result in answers}
    made |= {one.referral.id: set_aside(one.referral, at, one.decision) for one in nowhere}
    return [made[one.referral.id] for one in drafts], max(marks, key=lambda mark: mark.sequence, default=None)


Answer = tuple[Draft, ClaimResult]


async def _claim(
    asking: Sequence[Draft], claims: Claims, seen: DataVersion | None, at: datetime
) -> tuple[list[Answer], DataVersion | None]:
    if not asking:
        return [], seen
    results, seen = await claims.claim([one.request(at) for one in asking], seen)
    answers, seen = await _catch_up(list(zip(asking, results, strict=True)), claims, seen, at)
    # Given back by a try that found no candidate and was cut off before its commit: there are candidates now.
    again = [_under(one, result.attempt + 1) for one, result in answers if result.state is ClaimState.NONE]
    if not again:
        return answers, seen
    more, seen = await _claim(again, claims, seen, at)
    return [answer for answer in answers if answer[1].state is not ClaimState.NONE] + more, seen


async def _catch_up(
    answers: list[Answer], claims: Claims, seen: DataVersion | None, at: datetime
) -> tuple[list[Answer], DataVersion | None]:
    """An earlier try that was cut off before its commit has come to a later attempt: go on with what that has got.

    To ask for it changes nothing. When it was another worker, which has committed, this one's commit conflicts.
    """
    behind = {
        one.referral.id: _under(one, result.attempt) for one, result in answers if result.state is ClaimState.STALE
    }
    if not behind:
        return answers, seen
    results, seen = await claims.claim([one.request(at) for one in behind.values()], seen)
    got = {one.referral_id: one for one in results if one.state in (ClaimState.HELD, ClaimState.WAITING)}
    return [
        (behind[one.referral.id], got[one.referral.id]) if one.referral.id in got else (one, result)
        for one, result in answers
    ], seen


def _under(one: Draft, attempt: int) -> Draft:
    return replace(one, referral=replace(one.referral, attempt=attempt))


def _waits_again(answer: Answer) -> bool:
    return answer[1].repeated and answer[1].state is ClaimState.WAITING


async def _join_newer_queues(
    repeated: Sequence[Answer], claims: Claims, registry: Registry, seen: DataVersion | None
) -> None:
    """An earlier try queued these at its own candidates; the registry may have more by now."""
    joining: dict[str, list[WaitingClaim]] = {}
    for one, result in repeated:
        claim = WaitingClaim(referral_id=one.referral.id, attempt=result.attempt, rank=one.referral.rank)
        for wanted in one.decision.candidates:
            joining.setdefault(wanted.programme_id, []).append(claim)
    for opening in await registry.openings(joining.keys()) if joining else ():
        waiting = tuple(joining[opening.programme_id])
        await claims.open_programme(opening.model_copy(update={"waiting": waiting, "seen": seen}))


def _outcome(one: Draft, result: ClaimResult, network: Network, at: datetime) -> Change:
    candidates = tuple(replace(c, free=result.free.get(c.programme_id)) for c in one.decision.candidates)
    decision = Decision(candidates, one.decision.excluded)
    if result.state is ClaimState.WAITING:
        return start_waiting(one.referral, at, _with_queues(decision, result.queues, one.referral, network, at))
    if result.state is ClaimState.STALE:
        raise Conflict(f"referral {one.referral.id} has moved on to attempt {result.attempt}")
    if result.state is not ClaimState.HELD or result.programme_id is None:
        raise PermanentError(f"claim of attempt {one.referral.attempt} was answered {result.state}")
    return offer_place(one.referral, result.programme_id, network, at, decision=decision)


def _with_queues(
    decision: Decision, queues: Collection[str], referral: Referral, network: Network, at: datetime
) -> Decision:
    """With the programmes at which an earlier try, cut off before its commit, has queued it: it stands there, and they
    are no candidates any more (the programme has changed). A review takes it from those that will never accept it."""
    settlement, known = referral.needs.settlement_id, {one.programme_id for one in decision.candidates}
    more = [
        candidate(network.programmes[name], network.distance(settlement, name), at, network.staleness)
        for name in queues
        if name not in known and name in network.programmes
    ]
    return Decision(tuple(sorted((*decision.candidates, *more), key=in_order)), decision.excluded)


def offer_place(
    referral: Referral,
    programme_id: str,
    network: Network,
    at: datetime,
    *,
    command: Command = Command.OFFER,
    decision: Decision | None = None,
) -> Change:
    """The offer for a place that is held; raises PermanentError when the registry has no such programme."""
    programme = network.programmes.get(programme_id)
    if programme is None:
        raise PermanentError(f"programme_id: no programme {programme_id}")
    kilometers = network.distance(referral.needs.settlement_id, programme_id)
    return make_offer(referral, programme_id, programme.center_id, kilometers, at, command=command, decision=decision)
