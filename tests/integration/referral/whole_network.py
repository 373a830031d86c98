"""The whole network as a state machine: whatever people, the clock and the servers do, in any order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.errors import TransientError
from services.referral.domain.life import Command, IllegalTransition
from tests.integration.referral.life import CENTERS, CHILDREN, KINDS, TOPICS, Life
from tests.integration.referral.stage import Stage

S, C = ReferralState, Command
Work = Coroutine[Any, Any, object]
OPEN = tuple(one for one in S if one not in CLOSED)
MOST_CHILDREN = 40
LONGEST = 8 * 366 * 24
"""Hours of a life: children grow into, and out of, age ranges."""
HOURS = (1, 13, 25, 37, 73, 8 * 24, 31 * 24, -1, 200 * 24)
ANSWERS = ((C.ACCEPT, None), (C.DECLINE, "no_capacity"), (C.ACCEPT, None), (C.SEEN, None), (C.DECLINE, "unreachable"))
COMINGS = ((C.ADMIT, None), (C.ADMIT, None), (C.NO_SHOW, "other"), (C.DECLINE, "other"))
ANYTHING = (C.ACCEPT, C.ADMIT, C.DISCHARGE, C.DECLINE, C.NO_SHOW)
WEIGHTS = {
    "carry_all": 9, "submit": 10, "answer": 11, "come": 8, "discharge": 6, "carry": 7, "pass_time": 5, "resize": 5,
    "meanwhile": 5, "crash": 4, "register": 4, "settle": 3, "suspend": 3, "cancel": 3, "offer_again": 2, "repeat": 2,
    "try_anything": 2, "save": 1, "flush": 1, "lose": 2, "restore": 1, "die_rebuilding": 1,
}  # fmt: skip
HAPPENINGS = st.sampled_from([name for name, weight in WEIGHTS.items() for _ in range(weight)])
"""Weighted, so that lives go on: with equal chances most would end before anybody was admitted."""


class WholeNetwork(RuleBasedStateMachine):
    """Every promise is checked after every step. `which` and `more` are read as each happening needs them."""

    steps = 0

    def __init__(self, stage: Stage, runner: asyncio.Runner) -> None:
        super().__init__()
        self.stage, self.runner, self.life = stage, runner, Life(stage)
        self.hours = 0

    def run(self, work: Work) -> None:
        """One step of a life, and all that must hold after it."""

        async def and_look() -> None:
            await work
            await self.life.look()

        WholeNetwork.steps += 1
        self.runner.run(and_look())

    @initialize(kind=st.sampled_from(sorted(KINDS)), places=st.integers(1, 2))
    def begin(self, kind: str, places: int) -> None:
        async def work() -> None:
            await self.life.begin()
            await self.life.put_center("c0", "all", places)
            await self.life.put_center("c1", kind, places)
            await self.life.settle()

        self.run(work())

    @rule(what=HAPPENINGS, which=st.integers(0, 11), more=st.integers(0, 11))
    def happens(self, what: str, which: int, more: int) -> None:
        happening: Callable[[int, int], Work] = getattr(self, what)
        self.run(happening(which, more))

    # What people do

    async def submit(self, which: int, more: int) -> None:
        for _ in range(1 + more % 3):
            if len(self.life.children) < MOST_CHILDREN:
                await self.life.submit(CHILDREN[which % len(CHILDREN)])

    async def register(self, which: int, more: int) -> None:
        centers, kinds = sorted(CENTERS), sorted(KINDS)
        await self.life.put_center(centers[which % len(centers)], kinds[more % len(kinds)], more // 3, which)

    async def resize(self, which: int, more: int) -> None:
        await self.life.set_places(which, more % 4, None)

    async def suspend(self, which: int, more: int) -> None:
        """Or resume, with the figure as it goes."""
        await self.life.set_places(which, more // 2 % 3, more % 2 == 0)

    async def answer(self, which: int, more: int) -> None:
        await self.act_or_carry(which, (S.OFFERED,), *ANSWERS[more % len(ANSWERS)])

    async def come(self, which: int, more: int) -> None:
        await self.act_or_carry(which, (S.ACCEPTED,), *COMINGS[more % len(COMINGS)])

    async def discharge(self, which: int, _: int) -> None:
        await self.act_or_carry(which, (S.ADMITTED,), C.DISCHARGE, "improved")

    async def offer_again(self, which: int, _: int) -> None:
        await self.act_or_carry(which, (S.NO_SHOW, S.UNPLACEABLE), C.OFFER_AGAIN, None)

    async def cancel(self, which: int, _: int) -> None:
        await self.act_or_carry(which, OPEN, C.CANCEL, "other")

    async def leave_the_router(self, which: int, more: int) -> None:
        """A child for whom a place is being sought is not to have one any more."""
        if not await self.life.act(which, (S.SUBMITTED,), C.WITHDRAW, None):
            await self.cancel(which, more)

    async def act_or_carry(
        self, which: int, states: tuple[ReferralState, ...], command: Command, reason: str | None
    ) -> None:
        if not await self.life.act(which, states, command, reason):
            await self.carry_all(0, 0)

    async def try_anything(self, which: int, more: int) -> None:
        """Somebody asks for what may not fit."""
        try:
            await self.life.act(which, tuple(S), ANYTHING[more % len(ANYTHING)], "other")
        except IllegalTransition:
            return

    # Time, and the worker

    async def pass_time(self, which: int, _: int) -> None:
        hours = HOURS[which % len(HOURS)]
        self.hours += max(0, hours)
        if self.hours < LONGEST:
            await self.stage.country.pass_time(hours=hours)

    async def carry(self, which: int, more: int) -> None:
        """A few events of one topic."""
        await self.life.deliver(TOPICS[which % 3], 1 + more % 4)

    async def carry_all(self, *_: int) -> None:
        """The steward looks, and each topic is taken as far as it goes."""
        await self.life.rebuild()
        for name in TOPICS:
            await self.life.deliver(name, 50)

    async def crash(self, which: int, more: int) -> None:
        """The worker dies in the middle of a batch, after capacity has done what it was asked."""
        async with self.stage.line.cut(1 + more % 3):
            await self.life.deliver(TOPICS[which % 3], 1 + more)

    async def meanwhile(self, which: int, more: int) -> None:
        """Between a claim and its commit somebody acts, another topic is carried, time passes, or Redis is lost."""
        others = [self.leave_the_router, self.answer, self.lose, self.resize, self.pass_time, self.carry]
        other = others[more % len(others)]

        async def happens() -> None:
            await self.life.look()
            if other == self.carry:
                await self.life.deliver(TOPICS[(which + 1) % 3], 3)
            else:
                await other(which // 3, more)

        async with self.stage.line.busy(1 + more // 6, happens):
            await self.life.deliver(TOPICS[which % 3], 4)

    async def repeat(self, which: int, more: int) -> None:
        self.life.topics[TOPICS[which % 3]].again(1 + more)

    # Redis

    async def flush(self, which: int, _: int) -> None:
        """Redis is emptied, with the steps that were not relayed yet."""
        self.life.topics["capacity"].forget(which % 3)
        await self.stage.flush()

    async def lose(self, which: int, more: int) -> None:
        """Redis is emptied, and rebuilt at once."""
        await self.flush(which, more)
        await self.life.rebuild()

    async def save(self, *_: int) -> None:
        self.life.older = await self.stage.dump()

    async def restore(self, which: int, _: int) -> None:
        """Redis comes back on an older file."""
        if self.life.older:
            self.life.topics["capacity"].forget(which % 3)
            await self.stage.restore(self.life.older)

    async def die_rebuilding(self, which: int, more: int) -> None:
        """Redis is emptied, and the steward dies while it rebuilds."""
        await self.flush(which, more)
        try:
            async with self.stage.line.cut(1 + more % 7):
                await self.stage.country.service.steward.look()
        except TransientError:
            return

    async def settle(self, *_: int) -> None:
        await self.life.settle()
