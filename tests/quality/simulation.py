"""The simulation: children arrive, are offered places or wait in queues by rank; places are freed and handed over."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from services.referral.domain.deadlines import ANSWER_DAYS
from services.referral.domain.routing import Decision
from tests.quality.children import Child
from tests.quality.country import DAY, Country
from tests.quality.policies import Policy
from tests.quality.queues import Queues

RELEASE, ARRIVE, WIDEN, MATCH = range(4)
"""What happens at a minute, in this order."""
Event = tuple[int, int, int, str, Child | None]
"""Minute, what, the child's number (-1 without one), the programme of a released place, the child to be routed."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A child was offered a place of a programme at a minute, and the center did not decline."""

    child: Child
    programme_id: str
    at: int


@dataclass
class Outcome:
    """`offers` counts the declined ones too; `uses` has every use of a place: programme, from and until."""

    placements: list[Placement] = field(default_factory=list)
    offers: int = 0
    uses: list[tuple[str, int, int]] = field(default_factory=list)


class Simulation:
    """One policy's run. `free_from`: when each programme's places are free for the first time, a minute for each."""

    def __init__(
        self, country: Country, children: Sequence[Child], free_from: Mapping[str, Sequence[int]], policy: Policy
    ) -> None:
        self.outcome, self.queues = Outcome(), Queues()
        self.free = {name: sum(at == 0 for at in first) for name, first in free_from.items()}
        self._stays, self._policy = country.stays, policy
        self._decisions = dict[int, Decision]()
        self._declined = defaultdict[int, set[str]](set)
        self._asking = list[Child]()
        self._matched_at = -1
        self._events: list[Event] = [(one.arrived, ARRIVE, one.number, "", one) for one in children]
        self._events += [(at, RELEASE, -1, name, None) for name, first in free_from.items() for at in first if at]
        heapify(self._events)

    def run(self, end: int) -> Outcome:
        """What happens before the minute `end`."""
        while self._events and self._events[0][0] < end:
            now, what, _, programme_id, child = heappop(self._events)
            if what == MATCH:
                self._match(now)
            elif what == WIDEN and child:
                self._widen(child, now)
            else:
                self._free_and_route(programme_id, child, now)
        return self.outcome

    def unsettled(self) -> set[int]:
        """Who waits, awaits a match or an answer, or has not come yet: by number."""
        coming = {number for _, what, number, _, _ in self._events if what != WIDEN and number >= 0}
        return coming | self.queues.waiting.keys() | {one.number for one in self._asking}

    def _free_and_route(self, programme_id: str, child: Child | None, now: int) -> None:
        """A place is released, or a child is to be routed; after a decline both, in this order."""
        if programme_id:
            self.free[programme_id] += 1
        if self._policy.window:
            self._match_later(now)
        elif programme_id:
            self._hand_over(programme_id, now)
        if child:
            self._route(child, now)

    def _route(self, child: Child, now: int) -> None:
        """A new child, or one that was declined, which keeps its rank."""
        declined, until = self._declined.get(child.number), child.arrived + self._policy.patience
        decision = child.decide(declined) if declined else child.decision
        if now < until and decision.candidates:
            decision = self._policy.wanted(child, decision, now)
            heappush(self._events, (until, WIDEN, child.number, "", child))
        self._decisions[child.number] = decision
        if self._policy.window:
            self._asking.append(child)
            return
        [chosen] = self._policy.match([(child, decision)], self.free, now)
        if chosen:
            self._offer(child, chosen, now)
        else:
            self._wait(child)

    def _widen(self, child: Child, now: int) -> None:
        """Its patience is over: it may go wherever it is accepted."""
        if child.number in self.queues.waiting:
            self.queues.leave(child)
            self._route(child, now)

    def _wait(self, child: Child) -> None:
        self.queues.join(child, [one.programme_id for one in self._decisions[child.number].candidates])

    def _hand_over(self, programme_id: str, now: int) -> None:
        for first in self.queues.first(programme_id):
            self.queues.leave(first)
            self._offer(first, programme_id, now)

    def _offer(self, child: Child, programme_id: str, now: int) -> None:
        self.free[programme_id] -= 1
        self.outcome.offers += 1
        declines = programme_id in child.declines
        if declines:
            self._declined[child.number].add(programme_id)
        else:
            self.outcome.placements.append(Placement(child, programme_id, now))
        until = now + (ANSWER_DAYS * DAY if declines else self._stays[programme_id])
        self.outcome.uses.append((programme_id, now, until))
        event = (child.number, programme_id, child) if declines else (-1, programme_id, None)
        heappush(self._events, (until, RELEASE, *event))

    def _match_later(self, now: int) -> None:
        at = -(-now // self._policy.window) * self._policy.window
        if at > self._matched_at:
            self._matched_at = at
            heappush(self._events, (at, MATCH, -1, "", None))

    def _match(self, now: int) -> None:
        """All who ask, and of each queue with free places as many as these may reach, by rank."""
        freed = {name: many for name, many in self.free.items() if many and self.queues.first(name)}
        first = {one.number: one for name in freed for one in self.queues.first(name, sum(freed.values()))}
        asking = sorted([*self._asking, *first.values()], key=lambda one: (one.rank, one.number))
        self._asking = []
        chosen = self._policy.match([(one, self._decisions[one.number]) for one in asking], self.free, now)
        for child, programme_id in zip(asking, chosen, strict=True):
            waited = child.number in self.queues.waiting
            if programme_id is None:
                if not waited:
                    self._wait(child)
                continue
            if waited:
                self.queues.leave(child)
            self._offer(child, programme_id, now)
