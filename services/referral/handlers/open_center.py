"""A center's entry was made or changed: bring its programmes to capacity, with those who wait and now may go there."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from services.contracts.claims import DataVersion, ProgrammeOpening, WaitingClaim
from services.contracts.events import CenterRegisteredV1, Event
from services.contracts.vocabulary import ReferralState
from services.referral.domain.eligibility import exclusion
from services.referral.domain.keeping import review
from services.referral.domain.network import Network
from services.referral.domain.programmes import Programme
from services.referral.domain.referral import Change, Referral, start_waiting
from services.referral.domain.routing import Candidate, candidate, rank_programmes
from services.referral.ports import Claims, Clock, Deadlines, Loaded, Referrals, Registry, Seeker

T = TypeVar("T")
CONSUMER = "open_center"
Waiter = Referral | Seeker
JOINING = 5000
"""How many join a queue in one step of capacity, which does nothing else meanwhile."""
SAVING = 250
"""How many are saved in one transaction."""


@dataclass(frozen=True)
class OpenCenter:
    """Takes a batch. Repeating it changes nothing: capacity keeps the figure that was confirmed last."""

    referrals: Referrals
    claims: Claims
    deadlines: Deadlines
    registry: Registry
    clock: Clock

    async def __call__(self, batch: Sequence[Event]) -> None:
        registered = {e.envelope.id: e.data.center_id for e in batch if isinstance(e.data, CenterRegisteredV1)}
        if not registered:
            return
        found = await self.referrals.look(CONSUMER, registered.keys(), ())
        centers = {registered[one] for one in found.unseen}
        if centers:
            await self._open_all(centers, found.mark)
            await self.referrals.save([], consumer=CONSUMER, event_ids=found.unseen)

    async def _open_all(self, centers: Collection[str], seen: DataVersion | None) -> None:
        # Who starts to wait after this reading knows these programmes: the record takes no older network's waiting.
        network = await self.registry.network()
        programmes = [one for one in network.programmes.values() if one.center_id in centers]
        people, now = await self.referrals.seeking(programmes), self.clock()
        welcome = await asyncio.to_thread(_welcome, programmes, people, network, now)
        waiting: dict[UUID, Waiter] = {one.id: one for one in people if one.waits}
        waiting |= await self._take_up([one.id for one in people if not one.waits], welcome, network, seen, now)
        accepted = {id: [waiting[one] for one in all if one in waiting] for id, all in welcome.items()}
        standing = {one.id: await self.deadlines.waiting_for(one.id) for one in programmes}
        await self.referrals.join_queues(await asyncio.to_thread(_joining, accepted, standing, network, now))
        for opening in await self.registry.openings(accepted.keys()):
            await self._open(opening.model_copy(update={"seen": seen}), accepted[opening.programme_id])
        for id, there in standing.items():  # who waits for what no longer accepts it is looked at at once
            await self.deadlines.look_now(there - {one.id for one in accepted[id]}, now)

    async def _take_up(
        self,
        unplaceable: Sequence[UUID],
        welcome: Mapping[str, Collection[UUID]],
        network: Network,
        seen: DataVersion | None,
        now: datetime,
    ) -> dict[UUID, Referral]:
        """Whom nobody accepted till now waits as of now, with its turn, before the first place is given.

        It has nothing in capacity: there it waits as soon as it joins a queue.
        """
        taken, more, invited = dict[UUID, Referral](), set[UUID](), frozenset[UUID]().union(*welcome.values())
        for ids in _parts([one for one in unplaceable if one in invited], SAVING):
            known = (await self.referrals.look(CONSUMER, (), ids)).known.values()
            part = [one for one in known if one.referral.state is ReferralState.UNPLACEABLE]
            steps = await asyncio.to_thread(_wait_now, part, welcome, network, now)
            changes = [change for reviewed, waits, _ in steps for change in (reviewed, waits)]
            await self.referrals.save(changes, mark=seen, registry_version=network.version)
            taken |= {waits.referral.id: waits.referral for _, waits, _ in steps}
            more |= {waits.referral.id for _, waits, elsewhere in steps if elsewhere}
        await self.deadlines.look_now(more, now)
        return taken

    async def _open(self, opening: ProgrammeOpening, accepted: Sequence[Waiter]) -> None:
        for part in _parts(await asyncio.to_thread(_in_line, accepted), JOINING) or [()]:
            await self.claims.open_programme(opening.model_copy(update={"waiting": tuple(part)}))


def _welcome(
    programmes: Sequence[Programme], people: Sequence[Seeker], network: Network, now: datetime
) -> dict[str, list[UUID]]:
    """By programme whom it accepts now."""
    welcome: dict[str, list[UUID]] = {programme.id: [] for programme in programmes}
    for one in people:
        needs, age = one.needs, one.needs.age_at(now)
        for programme in programmes:
            # Only who must stay near is asked how far it is: the first answer for a settlement takes its time.
            far = 0.0 if needs.max_distance_km is None else network.distance(needs.settlement_id, programme.id)
            if exclusion(needs, age, programme, far, one.passed) is None:
                welcome[programme.id].append(one.id)
    return welcome


def _joining(
    accepted: Mapping[str, Sequence[Waiter]], standing: Mapping[str, Collection[UUID]], network: Network, now: datetime
) -> dict[UUID, list[Candidate]]:
    """Who does not stand there yet, with what it is to wait for as well."""
    joining: dict[UUID, list[Candidate]] = {}
    for id, all in accepted.items():
        programme, there = network.programmes[id], standing[id]
        for one in all:
            if one.id not in there:
                kilometers = network.distance(one.needs.settlement_id, id)
                joining.setdefault(one.id, []).append(candidate(programme, kilometers, now, network.staleness))
    return joining


Taken = tuple[Change, Change, bool]


def _wait_now(part: Sequence[Loaded], welcome: Collection[str], network: Network, now: datetime) -> list[Taken]:
    steps = (_waits_now(one, welcome, network, now) for one in part)
    return [one for one in steps if one]


def _waits_now(one: Loaded, opening: Collection[str], network: Network, now: datetime) -> Taken | None:
    """It goes back to the router and waits, in one step of the record, for those who open; and whether it may go
    elsewhere as well: then it is looked at again. None when they accept it no more: it was declined meanwhile."""
    needs = one.referral.needs
    decision = rank_programmes(needs, network.neighbors(needs.settlement_id), now, one.passed, network.staleness)
    reviewed = review(one.referral, (), decision, now)
    joining = tuple(one for one in decision.candidates if one.programme_id in opening)
    if reviewed is None or not joining:
        return None
    again = replace(reviewed.referral, attempt=reviewed.referral.attempt + 1)
    waits = start_waiting(again, now, replace(decision, candidates=joining))
    return reviewed, waits, len(joining) < len(decision.candidates)


def _in_line(waiting: Sequence[Waiter]) -> list[WaitingClaim]:
    """The first in rank join first: places are given after the first part."""
    return [
        WaitingClaim.model_construct(referral_id=one.id, attempt=one.attempt, rank=one.rank)
        for one in sorted(waiting, key=lambda one: (one.rank, str(one.id)))
    ]


def _parts(all: Sequence[T], size: int) -> list[Sequence[T]]:
    return [all[start : start + size] for start in range(0, len(all), size)]
