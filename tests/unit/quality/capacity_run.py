"""The network's own policy on capacity's claims: the same children and places as a simulation, step by step."""

from heapq import heapify, heappop, heappush
from uuid import UUID

from services.capacity.domain.step import START, StepId
from services.contracts.claims import ClaimChange, ClaimRequest, ProgrammeOpening
from services.contracts.events import PlaceHandedOverV1, PlaceHeldV1
from services.referral.domain.deadlines import ANSWER_DAYS
from tests.quality.country import DAY
from tests.support.capacity.fake_claims import FakeClaims
from tests.unit.quality.cases import Case
from tests.unit.referral.samples import NOW

RELEASED, CAME = range(2)
Event = tuple[int, int, int, str, UUID]
"""Minute, what, the child's number (-1 for a place in use), the programme of a released place, the referral."""
IN_USE = 1 << 64
"""Referrals from here on have the places that are in use at the beginning."""


class CapacityRun:
    """`placements`: number of the child, programme, minute; declined offers are not among them."""

    def __init__(self, case: Case) -> None:
        self._case, self._claims, self._seen = case, FakeClaims(), START
        self._children = {UUID(int=one.number): one for one in case.children}
        self._attempts, self._declined = dict[UUID, int](), dict[UUID, set[str]]()
        self._events: list[Event] = [(one.arrived, CAME, one.number, "", id) for id, one in self._children.items()]
        self.placements = list[tuple[int, str, int]]()

    async def run(self) -> None:
        await self._open()
        heapify(self._events)
        while self._events and self._events[0][0] < self._case.end:
            now, what, _, programme_id, referral_id = heappop(self._events)
            if referral_id in self._children and (what == CAME or self._declines(referral_id, programme_id)):
                await self._route(referral_id, programme_id)
            else:
                await self._release(referral_id)
            await self._note_offers(now)

    async def _open(self) -> None:
        for name, one in self._case.country.network.programmes.items():
            opening = ProgrammeOpening(
                programme_id=name,
                center_id=one.center_id,
                region_id=one.region_id,
                modality=one.modality,
                places=self._case.country.places[name],
                confirmed_at=NOW,
                version=1,
            )
            await self._claims.open_programme(opening, NOW)
            for at in filter(None, self._case.free_from[name]):
                id = UUID(int=IN_USE + len(self._events))
                await self._claim(id, ((name,),), 0)
                self._events.append((at, RELEASED, -1, name, id))
        self._seen = await self._claims.last()

    def _declines(self, referral_id: UUID, programme_id: str) -> bool:
        return programme_id in self._children[referral_id].declines

    async def _route(self, referral_id: UUID, declined: str) -> None:
        child, excluded = self._children[referral_id], self._declined.setdefault(referral_id, set())
        excluded |= {declined} if declined else set()
        tiers = child.decide(excluded).tiers()
        if tiers:
            await self._claim(referral_id, tiers, child.rank)
        else:
            await self._release(referral_id)

    async def _claim(self, referral_id: UUID, tiers: tuple[tuple[str, ...], ...], rank: int) -> None:
        attempt = self._attempts[referral_id] = self._attempts.get(referral_id, 0) + 1
        request = ClaimRequest(referral_id=referral_id, attempt=attempt, rank=rank, candidates=tiers, at=NOW)
        await self._claims.claim([request])

    async def _release(self, referral_id: UUID) -> None:
        change = ClaimChange(referral_id=referral_id, attempt=self._attempts[referral_id])
        await self._claims.release([change], NOW)

    async def _note_offers(self, now: int) -> None:
        """An offer is declined after the answer's days, or its place is in use until the course is over."""
        for step in await self._claims.after(self._seen, 1000):
            self._seen = StepId(step.id.epoch, step.id.sequence)
            if not isinstance(step.data, PlaceHeldV1 | PlaceHandedOverV1):
                continue
            id, name = step.data.referral_id, step.data.programme_id
            assert id, "a place is held for somebody"
            declines, number = self._declines(id, name), self._children[id].number
            until = now + (ANSWER_DAYS * DAY if declines else self._case.country.stays[name])
            heappush(self._events, (until, RELEASED, number if declines else -1, name, id))
            if not declines:
                self.placements.append((number, name, now))
