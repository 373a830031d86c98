"""The routing step that new and re-routed children share: decide, claim, and say what became of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts.claims import ClaimRequest, ClaimResult, Mark
from services.contracts.vocabulary import ClaimState
from services.kit.errors import PermanentError
from services.referral.domain.life import Command
from services.referral.domain.network import Network
from services.referral.domain.referral import Change, Referral, make_offer, set_aside, start_waiting
from services.referral.domain.routing import Decision, rank_programmes
from services.referral.ports import Claims


@dataclass(frozen=True, slots=True)
class Draft:
    """A referral that is with the router, and where it may go under its attempt."""

    referral: Referral
    decision: Decision

    def request(self, at: datetime) -> ClaimRequest:
        one = self.referral
        return ClaimRequest.model_construct(
            referral_id=one.id, attempt=one.attempt, rank=one.rank, candidates=self.decision.tiers(), at=at
        )


def draft(referral: Referral, network: Network, at: datetime, passed: Collection[str] = ()) -> Draft:
    """Decide where `referral` may go; raises PermanentError when its settlement is unknown."""
    try:
        neighbors = network.neighbors(referral.needs.settlement_id)
    except KeyError:
        raise PermanentError(f"settlement_id: no settlement {referral.needs.settlement_id}") from None
    return Draft(referral, rank_programmes(referral.needs, neighbors, at, passed))


async def place(
    drafts: Sequence[Draft], claims: Claims, network: Network, seen: Mark | None, at: datetime
) -> tuple[list[Change], Mark | None]:
    """Claim for all in one call; one change a draft, in order, and capacity's mark afterwards."""
    asking = [one for one in drafts if one.decision.candidates]
    results: Sequence[ClaimResult] = ()
    if asking:
        results, seen = await claims.claim([one.request(at) for one in asking], seen)
    answered = {result.referral_id: result for result in results}
    changes = []
    for one in drafts:
        result = answered.get(one.referral.id)
        if result is None:
            seen = await claims.release(one.referral.id, one.referral.attempt, seen) if one.referral.version else seen
            changes.append(set_aside(one.referral, at, one.decision))
        else:
            changes.append(_outcome(one, result, network, at))
    return changes, seen


def _outcome(one: Draft, result: ClaimResult, network: Network, at: datetime) -> Change:
    decision = replace(
        one.decision,
        candidates=tuple(replace(c, free=result.free.get(c.programme_id)) for c in one.decision.candidates),
    )
    if result.state is ClaimState.WAITING:
        return start_waiting(one.referral, at, decision)
    if result.state is not ClaimState.HELD or result.programme_id is None:
        raise PermanentError(f"claim of attempt {one.referral.attempt} was answered {result.state}")
    return offer_place(one.referral, result.programme_id, network, at, decision=decision)


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
