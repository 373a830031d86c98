"""Claiming places for new and rerouted referrals: decide, claim, and turn the results into changes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.claims import ClaimChange, ClaimRequest, ClaimResult, DataVersion, WaitingClaim
from services.contracts.vocabulary import ClaimState
from services.contracts.working_days import KAZAKHSTAN, WorkingDays
from services.kit.errors import Conflict, PermanentError
from services.referral.domain.life import Command
from services.referral.domain.network import Network
from services.referral.domain.referral import (
    Change,
    Offer,
    Referral,
    excluded_ids,
    make_offer,
    set_aside,
    start_waiting,
)
from services.referral.domain.routing import Decision
from services.referral.handlers.effect import Effect, newest
from services.referral.ports import Claims, Registry


@dataclass(frozen=True, slots=True)
class Draft:
    """A referral with the router, and where it may go under its attempt.

    `offers`: those made before. `retain`: no offer was made under the attempt before; a place handed over under it
    meanwhile is still the child's.
    """

    referral: Referral
    decision: Decision
    offers: Sequence[Offer] = ()
    retain: bool = False

    def request(self, at: datetime) -> ClaimRequest:
        one = self.referral
        return ClaimRequest.model_construct(
            referral_id=one.id,
            attempt=one.attempt,
            rank=one.rank,
            candidates=self.decision.tiers(),
            retain=self.retain,
            at=at,
        )

    def under(self, attempt: int) -> "Draft":
        return replace(self, referral=replace(self.referral, attempt=attempt))


def draft(
    referral: Referral, network: Network, at: datetime, offers: Sequence[Offer] = (), *, retain: bool = False
) -> Draft:
    """Decide where `referral` may go; raises PermanentError for an unknown settlement."""
    try:
        decision = network.decide(referral.needs, at, excluded_ids(offers, at))
    except KeyError:
        raise PermanentError(f"settlement_id: no settlement {referral.needs.settlement_id}") from None
    return Draft(referral, decision, offers, retain)


Answer = tuple[Draft, ClaimResult]


@dataclass(frozen=True)
class ClaimPlaces:
    """Claims for all drafts in one call; the effect has one change a draft, in order."""

    claims: Claims
    registry: Registry
    working_days: WorkingDays = KAZAKHSTAN

    async def __call__(
        self, drafts: Sequence[Draft], network: Network, seen: DataVersion | None, at: datetime
    ) -> Effect:
        asking = [one for one in drafts if one.decision.candidates]
        answers, claimed = await self._claim(asking, network, seen, at)
        await self._join_newer_queues([one for one in answers if _waits_again(one)], claimed)
        nowhere = [one for one in drafts if not one.decision.candidates]
        # An earlier try that was cut off may hold a place under this attempt, also for a referral new in the record.
        changes = [ClaimChange(referral_id=one.referral.id, attempt=one.referral.attempt) for one in nowhere]
        released = await self.claims.release(changes, claimed) if changes else None
        made = {one.referral.id: _outcome(one, result, network, at, self.working_days) for one, result in answers}
        made |= {one.referral.id: set_aside(one.referral, at, one.decision, one.offers) for one in nowhere}
        return Effect([made[one.referral.id] for one in drafts], newest([claimed, released]), network.version)

    async def _claim(
        self, asking: Sequence[Draft], network: Network, seen: DataVersion | None, at: datetime
    ) -> tuple[list[Answer], DataVersion | None]:
        if not asking:
            return [], seen
        results, seen = await self.claims.claim([one.request(at) for one in asking], seen)
        answers, seen = await self._catch_up(list(zip(asking, results, strict=True)), seen, at)
        again = [answer for answer in answers if _is_void(*answer, network)]
        if not again:
            return answers, seen
        # who waited keeps the place that was handed over meanwhile
        drafts = [
            replace(one.under(result.attempt + 1), retain=result.state is ClaimState.WAITING) for one, result in again
        ]
        more, seen = await self._claim(drafts, network, seen, at)
        return [answer for answer in answers if answer not in again] + more, seen

    async def _catch_up(
        self, answers: list[Answer], seen: DataVersion | None, at: datetime
    ) -> tuple[list[Answer], DataVersion | None]:
        """An earlier try that was cut off before its commit has reached a later attempt: go on with its claim.

        Claiming it again changes nothing. When another worker made it and has committed, this one's commit conflicts.
        """
        stale = [(one, result) for one, result in answers if result.state is ClaimState.STALE]
        behind = {one.referral.id: one.under(result.attempt) for one, result in stale}
        if not behind:
            return answers, seen
        results, seen = await self.claims.claim([one.request(at) for one in behind.values()], seen)
        got = {one.referral_id: one for one in results if one.state in (ClaimState.HELD, ClaimState.WAITING)}
        return [
            (behind[one.referral.id], got[one.referral.id]) if one.referral.id in got else (one, result)
            for one, result in answers
        ], seen

    async def _join_newer_queues(self, repeated: Sequence[Answer], seen: DataVersion | None) -> None:
        """An earlier try joined the queues of its own candidates; the registry may have more by now."""
        joining: dict[str, list[WaitingClaim]] = {}
        for one, result in repeated:
            claim = WaitingClaim(referral_id=one.referral.id, attempt=result.attempt, rank=one.referral.rank)
            for candidate in one.decision.candidates:
                joining.setdefault(candidate.programme_id, []).append(claim)
        for opening in await self.registry.openings(programme_ids=joining.keys()) if joining else ():
            waiting = tuple(joining[opening.programme_id])
            await self.claims.open_programme(opening.model_copy(update={"waiting": waiting, "seen": seen}))


def _is_void(one: Draft, result: ClaimResult, network: Network) -> bool:
    """Whether the registry has moved on since an earlier try, which was cut off before its commit.

    It found no candidate and released its claim, and there are candidates now; it holds a place of a programme that
    was closed meanwhile; or it waits for one that is no candidate now. Nobody else would end that: whoever changed
    the programme looked for those who wait there in the record, which does not know this child yet.
    """
    if result.state is ClaimState.WAITING:
        return not set(result.queues) <= {each.programme_id for each in one.decision.candidates}
    closed = result.state is ClaimState.HELD and result.programme_id not in network.programmes
    return closed or result.state is ClaimState.NONE


def _waits_again(answer: Answer) -> bool:
    return answer[1].repeated and answer[1].state is ClaimState.WAITING


def _outcome(one: Draft, result: ClaimResult, network: Network, at: datetime, working_days: WorkingDays) -> Change:
    decision = one.decision.claimed(result.free)
    if result.state is ClaimState.WAITING:
        queues = tuple([each.programme_id for each in decision.candidates])
        return start_waiting(one.referral, at, decision, queues, one.offers)
    if result.state is ClaimState.STALE:
        raise Conflict(f"referral {one.referral.id} has moved on to attempt {result.attempt}")
    if result.state is not ClaimState.HELD or result.programme_id is None:
        raise PermanentError(f"claim of attempt {one.referral.attempt} was answered {result.state}")
    return offer_place(one.referral, result.programme_id, network, at, decision=decision, working_days=working_days)


def offer_place(
    referral: Referral,
    programme_id: str,
    network: Network,
    at: datetime,
    *,
    command: Command = Command.OFFER,
    decision: Decision | None = None,
    working_days: WorkingDays = KAZAKHSTAN,
) -> Change:
    """The offer of a held place; raises PermanentError when the registry has no such open programme."""
    programme = network.programmes.get(programme_id)
    if programme is None:
        raise PermanentError(f"programme_id: no programme {programme_id}")
    kilometers = network.distance(referral.needs.settlement_id, programme_id)
    return make_offer(
        referral, programme_id, programme.center_id, kilometers, at,
        command=command, decision=decision, working_days=working_days,
    )  # fmt: skip
