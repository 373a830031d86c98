"""The whole network as a state machine: whatever people, the clock and the servers do, in any order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from services.contracts.topics import HANDOVERS
from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.errors import TransientError
from services.referral.domain.life import Command, IllegalTransition
from tests.integration.referral.harness import Harness
from tests.integration.referral.simulated_country import CENTERS, CHILDREN, KINDS, TOPICS
from tests.integration.referral.simulation import Simulation

S, C = ReferralState, Command
Work = Coroutine[Any, Any, object]
OPEN = tuple(one for one in S if one not in CLOSED)
MOST_CHILDREN = 40
LONGEST = 8 * 366 * 24
"""Hours of a simulation: children grow into, and out of, age ranges."""
HOURS = (1, 13, 25, 37, 73, 8 * 24, 31 * 24, -1, 200 * 24)
ANSWERS = ((C.ACCEPT, None), (C.DECLINE, "no_capacity"), (C.ACCEPT, None), (C.SEEN, None), (C.DECLINE, "unreachable"))
COMINGS = ((C.ADMIT, None), (C.ADMIT, None), (C.NO_SHOW, "other"), (C.DECLINE, "other"))
ANYTHING = (C.ACCEPT, C.ADMIT, C.DISCHARGE, C.DECLINE, C.NO_SHOW)
WEIGHTS = {
    "handle_all": 9, "submit": 10, "answer": 11, "come": 8, "discharge": 6, "handle": 7, "pass_time": 5, "resize": 5,
    "meanwhile": 5, "crash": 4, "register": 4, "settle": 3, "suspend": 3, "cancel": 3, "correct": 4, "join": 1,
    "offer_again": 2, "repeat": 2,
    "try_anything": 2, "close": 2, "save": 1, "flush": 1, "lose": 2, "restore": 1, "die_rebuilding": 1,
}  # fmt: skip
HAPPENINGS = st.sampled_from([name for name, weight in WEIGHTS.items() for _ in range(weight)])
"""Weighted: with equal chances most referrals would end before anybody was admitted."""


class WholeNetwork(RuleBasedStateMachine):
    """Every invariant is checked after every step. `which` and `more` are read as each happening needs them."""

    steps = 0
    """Of all examples."""

    def __init__(self, harness: Harness, runner: asyncio.Runner) -> None:
        super().__init__()
        self.harness, self.runner, self.simulation = harness, runner, Simulation(harness)
        self.hours = 0

    def run(self, work: Work) -> None:
        """One step of a simulation, and all that must hold after it."""

        async def and_check() -> None:
            await work
            await self.simulation.check()

        WholeNetwork.steps += 1
        self.runner.run(and_check())

    @initialize(kind=st.sampled_from(sorted(KINDS)), places=st.integers(1, 2))
    def begin(self, kind: str, places: int) -> None:
        async def work() -> None:
            await self.simulation.begin()
            await self.simulation.put_center("c0", "all", places)
            await self.simulation.put_center("c1", kind, places)
            await self.simulation.settle()

        self.run(work())

    @rule(what=HAPPENINGS, which=st.integers(0, 11), more=st.integers(0, 11))
    def happens(self, what: str, which: int, more: int) -> None:
        happening: Callable[[int, int], Work] = getattr(self, what)
        self.run(happening(which, more))

    # What people do

    async def submit(self, which: int, more: int) -> None:
        for _ in range(1 + more % 3):
            if len(self.simulation.children) < MOST_CHILDREN:
                await self.simulation.submit(CHILDREN[which % len(CHILDREN)])

    async def correct(self, which: int, more: int) -> None:
        await self.simulation.correct(which, CHILDREN[more % len(CHILDREN)])

    async def join(self, which: int, more: int) -> None:
        await self.simulation.join(which, more)

    async def register(self, which: int, more: int) -> None:
        centers, kinds = sorted(CENTERS), sorted(KINDS)
        await self.simulation.put_center(centers[which % len(centers)], kinds[more % len(kinds)], more // 3, which)

    async def close(self, which: int, _: int) -> None:
        """A center leaves a programme out of its entry; the first center keeps one."""
        if sum(map(len, self.simulation.centers.values())) > 1:
            await self.simulation.close_programme(which)

    async def resize(self, which: int, more: int) -> None:
        await self.simulation.set_places(which, more % 4, None)

    async def suspend(self, which: int, more: int) -> None:
        """Or resume, with the figure as it goes."""
        await self.simulation.set_places(which, more // 2 % 3, more % 2 == 0)

    async def answer(self, which: int, more: int) -> None:
        await self.act_or_handle(which, (S.OFFERED,), *ANSWERS[more % len(ANSWERS)])

    async def come(self, which: int, more: int) -> None:
        await self.act_or_handle(which, (S.ACCEPTED,), *COMINGS[more % len(COMINGS)])

    async def discharge(self, which: int, _: int) -> None:
        await self.act_or_handle(which, (S.ADMITTED,), C.DISCHARGE, "improved")

    async def offer_again(self, which: int, _: int) -> None:
        await self.act_or_handle(which, (S.NO_SHOW, S.UNPLACEABLE), C.OFFER_AGAIN, None)

    async def cancel(self, which: int, _: int) -> None:
        await self.act_or_handle(which, OPEN, C.CANCEL, "other")

    async def leave_the_router(self, which: int, more: int) -> None:
        """A referral that is with the router is withdrawn."""
        if not await self.simulation.act(which, (S.SUBMITTED,), C.WITHDRAW, None):
            await self.cancel(which, more)

    async def act_or_handle(
        self, which: int, states: tuple[ReferralState, ...], command: Command, reason: str | None
    ) -> None:
        if not await self.simulation.act(which, states, command, reason):
            await self.handle_all(0, 0)

    async def try_anything(self, which: int, more: int) -> None:
        """Somebody gives a command that may not fit."""
        try:
            await self.simulation.act(which, tuple(S), ANYTHING[more % len(ANYTHING)], "other")
        except IllegalTransition:
            return

    # Time, and the worker

    async def pass_time(self, which: int, _: int) -> None:
        hours = HOURS[which % len(HOURS)]
        self.hours += max(0, hours)
        if self.hours < LONGEST:
            await self.harness.country.pass_time(hours=hours)

    async def handle(self, which: int, more: int) -> None:
        """A few events of one topic."""
        await self.simulation.deliver(TOPICS[which % 3], 1 + more % 4)

    async def handle_all(self, *_: int) -> None:
        """Capacity is rebuilt if it must be, and each topic is handled as far as it goes."""
        await self.simulation.rebuild()
        for name in TOPICS:
            await self.simulation.deliver(name, 50)

    async def crash(self, which: int, more: int) -> None:
        """The worker dies in the middle of a batch, after capacity has done what it was asked."""
        async with self.harness.transport.cut(1 + more % 3):
            await self.simulation.deliver(TOPICS[which % 3], 1 + more)

    async def meanwhile(self, which: int, more: int) -> None:
        """Between a claim and its commit somebody acts, another topic is handled, time passes, or Redis is lost."""
        others = [self.leave_the_router, self.answer, self.lose, self.resize, self.pass_time, self.handle]
        other = others[more % len(others)]

        async def happens() -> None:
            await self.simulation.check()
            if other == self.handle:
                await self.simulation.deliver(TOPICS[(which + 1) % 3], 3)
            else:
                await other(which // 3, more)

        async with self.harness.transport.interleave(1 + more // 6, happens):
            await self.simulation.deliver(TOPICS[which % 3], 4)

    async def repeat(self, which: int, more: int) -> None:
        self.simulation.topics[TOPICS[which % 3]].rewind(1 + more)

    # Redis

    async def flush(self, which: int, _: int) -> None:
        """Redis is emptied, with the steps that were not relayed yet."""
        self.simulation.topics[HANDOVERS].lose(which % 3)
        await self.harness.flush()

    async def lose(self, which: int, more: int) -> None:
        """Redis is emptied, and rebuilt at once."""
        await self.flush(which, more)
        await self.simulation.rebuild()

    async def save(self, *_: int) -> None:
        self.simulation.older = await self.harness.dump()

    async def restore(self, which: int, _: int) -> None:
        """Redis comes back on an older file."""
        if self.simulation.older:
            self.simulation.topics[HANDOVERS].lose(which % 3)
            await self.harness.restore(self.simulation.older)

    async def die_rebuilding(self, which: int, more: int) -> None:
        """Redis is emptied, and the rebuilder dies while it rebuilds."""
        await self.flush(which, more)
        try:
            async with self.harness.transport.cut(1 + more % 7):
                await self.harness.country.service.rebuilder.rebuild_if_needed()
        except TransientError:
            return

    async def settle(self, *_: int) -> None:
        await self.simulation.settle()
