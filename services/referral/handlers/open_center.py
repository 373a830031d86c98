"""A center's entry was made or changed: capacity opens its programmes, joined by the children who may now go there."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from services.contracts.claims import DataVersion, ProgrammeOpening, WaitingClaim
from services.contracts.events import CenterRegisteredV1, Payload
from services.contracts.vocabulary import ReferralState
from services.referral.domain.deadline_steps import review
from services.referral.domain.eligibility import exclusion
from services.referral.domain.network import Network
from services.referral.domain.programmes import Programme
from services.referral.domain.referral import Change, Referral, ReferralWithOffers, start_waiting
from services.referral.handlers.effect import NOTHING, Effect
from services.referral.ports import (
    BatchContext,
    Claims,
    Clock,
    Deadlines,
    Queues,
    Referrals,
    Registry,
    UnplacedReferral,
)

T = TypeVar("T")
JOINING = 5000
"""How many join a queue in one step of capacity, which does nothing else meanwhile."""
SAVING = 250
"""Referrals of one transaction."""


@dataclass(frozen=True)
class OpenCenter:
    """Saves in parts, before the batch is saved. Repeating it changes nothing."""

    referrals: Referrals
    queues: Queues
    claims: Claims
    deadlines: Deadlines
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Mapping[str, Payload], context: BatchContext) -> Effect:
        registered = [data for data in batch.values() if isinstance(data, CenterRegisteredV1)]
        versions = {data.center_id: data.version for data in sorted(registered, key=lambda data: data.version)}
        await self._open_all(versions.keys(), context.data_version)
        await self.registry.mark_opened(versions)
        return NOTHING

    async def _open_all(self, centers: Collection[str], seen: DataVersion | None) -> None:
        # Who starts to wait after this reading knows these programmes: no waiting by an older network is recorded.
        network = await self.registry.network()
        programmes = [one for one in network.programmes.values() if one.center_id in centers]
        now = self.clock()
        unplaced = await self.queues.unplaced(programmes, now)
        accepted = await asyncio.to_thread(_accepted, programmes, unplaced, network, now)
        waiting: dict[UUID, UnplacedReferral | Referral] = {one.id: one for one in unplaced if one.waits}
        waiting |= await self._take_in([one.id for one in unplaced if not one.waits], accepted, network, seen, now)
        for opening in await self.registry.openings(center_ids=centers):
            programme_id = opening.programme_id  # a closed one accepts nobody
            standing = await self.queues.waiting_for(programme_id)
            joining = [waiting[one] for one in accepted.get(programme_id, ()) if one in waiting]
            new = {one.id: one.attempt for one in joining if one.id not in standing}
            await self.queues.join(programme_id, new, now)
            await self._open(opening.model_copy(update={"seen": seen}), joining)
            # Who waits for a programme that no longer accepts the child is reviewed at once.
            await self.deadlines.review_now(standing - {one.id for one in joining}, now)

    async def _take_in(
        self,
        unplaceable: Sequence[UUID],
        accepted: Mapping[str, Collection[UUID]],
        network: Network,
        seen: DataVersion | None,
        now: datetime,
    ) -> dict[UUID, Referral]:
        """Unplaceable children whom an opening programme accepts wait as of now, before the first place is given.

        They have no claim in capacity: there they wait as soon as they join a queue.
        """
        taken, elsewhere, invited = dict[UUID, Referral](), set[UUID](), frozenset[UUID]().union(*accepted.values())
        for ids in _parts([one for one in unplaceable if one in invited], SAVING):
            known = (await self.referrals.load_batch("", (), ids)).referrals.values()
            part = [one for one in known if one.referral.state is ReferralState.UNPLACEABLE]
            steps = await asyncio.to_thread(_wait_now, part, accepted, network, now)
            changes = [change for reviewed, waits, _ in steps for change in (reviewed, waits)]
            await self.referrals.save(changes, data_version=seen, registry_version=network.version)
            taken |= {waits.referral.id: waits.referral for _, waits, _ in steps}
            elsewhere |= {waits.referral.id for _, waits, more in steps if more}
        await self.deadlines.review_now(elsewhere, now)
        return taken

    async def _open(self, opening: ProgrammeOpening, joining: Sequence[UnplacedReferral | Referral]) -> None:
        for part in _parts(await asyncio.to_thread(_by_rank, joining), JOINING) or [()]:
            await self.claims.open_programme(opening.model_copy(update={"waiting": tuple(part)}))


def _accepted(
    programmes: Sequence[Programme], unplaced: Sequence[UnplacedReferral], network: Network, now: datetime
) -> dict[str, list[UUID]]:
    """By programme the children it accepts now."""
    accepted: dict[str, list[UUID]] = {programme.id: [] for programme in programmes}
    for one in unplaced:
        needs, age = one.needs, one.needs.age_at(now)
        for programme in programmes:
            # The distance matters to families with a limit only: the first one for a settlement takes its time.
            far = 0.0 if needs.max_distance_km is None else network.distance(needs.settlement_id, programme.id)
            if exclusion(needs, age, programme, far, one.excluded_ids) is None:
                accepted[programme.id].append(one.id)
    return accepted


Taken = tuple[Change, Change, bool]
"""Back to the router, waiting, and whether other programmes accept the child as well."""


def _wait_now(
    part: Sequence[ReferralWithOffers], opening: Collection[str], network: Network, now: datetime
) -> list[Taken]:
    steps = (_waits_now(one, opening, network, now) for one in part)
    return [one for one in steps if one]


def _waits_now(one: ReferralWithOffers, opening: Collection[str], network: Network, now: datetime) -> Taken | None:
    """Waits for the opening programmes, in one step of the record. A child whom others accept too is reviewed after.

    None when they no longer accept the child, who was declined meanwhile.
    """
    needs = one.referral.needs
    decision = network.decide(needs, now, one.excluded_ids(now))
    reviewed = review(one.referral, (), decision, now)
    joining = tuple(each for each in decision.candidates if each.programme_id in opening)
    if reviewed is None or not joining:
        return None
    again = replace(reviewed.referral, attempt=reviewed.referral.attempt + 1)
    queues = [each.programme_id for each in joining]
    waits = start_waiting(again, now, decision.among(joining), queues, one.offers)
    return reviewed, waits, len(joining) < len(decision.candidates)


def _by_rank(waiting: Sequence[UnplacedReferral | Referral]) -> list[WaitingClaim]:
    """The first by rank join first: places are given after the first part."""
    return [
        WaitingClaim.model_construct(referral_id=one.id, attempt=one.attempt, rank=one.rank)
        for one in sorted(waiting, key=lambda one: (one.rank, str(one.id)))
    ]


def _parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
