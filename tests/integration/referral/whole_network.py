"""The whole network as a machine of rules: whatever people, the clock and the servers do, in any order."""

import asyncio
from collections.abc import Awaitable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from services.contracts.vocabulary import CLOSED, ReferralState
from services.kit.errors import TransientError
from services.referral.domain.life import Command, IllegalTransition
from tests.integration.referral.life import CENTERS, CHILDREN, KINDS, Life
from tests.integration.referral.stage import Stage

S, C = ReferralState, Command
OPEN = tuple(one for one in S if one not in CLOSED)
MOST_CHILDREN = 40
LONGEST = 20 * 31 * 24
"""Hours of a life: no child grows into, or out of, an age range."""
WHICH = st.integers(0, 11)
TOPICS = st.sampled_from(["referrals", "capacity", "diagnoses"])


class WholeNetwork(RuleBasedStateMachine):
    """Every promise is checked after every step."""

    steps = 0

    def __init__(self, stage: Stage, runner: asyncio.Runner) -> None:
        super().__init__()
        self.stage, self.runner, self.life = stage, runner, Life(stage)
        self.hours = 0

    def step(self, work: Awaitable[object]) -> None:
        """One step of a life, and all that must hold after it."""

        async def and_look() -> None:
            await work
            await self.life.look()

        WholeNetwork.steps += 1
        self.runner.run(and_look())

    @initialize(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=2), places=st.integers(0, 2))
    def begin(self, kinds: list[str], places: int) -> None:
        async def work() -> None:
            await self.life.begin()
            for center_id, kind in zip(CENTERS, kinds, strict=False):
                await self.life.put_center(center_id, kind, places)
            await self.life.settle()

        self.step(work())

    @rule(center_id=st.sampled_from(sorted(CENTERS)), kind=st.sampled_from(sorted(KINDS)), places=st.integers(0, 3))
    def register(self, center_id: str, kind: str, places: int) -> None:
        self.step(self.life.put_center(center_id, kind, places))

    @precondition(lambda self: len(self.life.children) < MOST_CHILDREN)
    @rule(child=st.sampled_from(range(len(CHILDREN))), many=st.integers(1, 3))
    def submit(self, child: int, many: int) -> None:
        async def work() -> None:
            for _ in range(many):
                await self.life.submit(CHILDREN[child])

        self.step(work())

    @rule(which=WHICH, places=st.integers(0, 3), suspended=st.sampled_from([None, None, True, False]))
    def resize(self, which: int, places: int, suspended: bool | None) -> None:
        self.step(self.life.set_places(which, places, suspended))

    @precondition(lambda self: self.life.among(S.OFFERED))
    @rule(which=WHICH, answer=st.sampled_from([C.ACCEPT, C.DECLINE, C.ACCEPT, C.SEEN]), whole=st.booleans())
    def answer(self, which: int, answer: Command, whole: bool) -> None:
        reason = ("unreachable" if whole else "no_capacity") if answer is C.DECLINE else None
        self.step(self.life.act(which, (S.OFFERED,), answer, reason))

    @precondition(lambda self: self.life.among(S.ACCEPTED))
    @rule(which=WHICH, what=st.sampled_from([C.ADMIT, C.ADMIT, C.NO_SHOW, C.DECLINE]))
    def go_on(self, which: int, what: Command) -> None:
        self.step(self.life.act(which, (S.ACCEPTED,), what, None if what is C.ADMIT else "other"))

    @precondition(lambda self: self.life.among(S.ADMITTED))
    @rule(which=WHICH)
    def discharge(self, which: int) -> None:
        self.step(self.life.act(which, (S.ADMITTED,), C.DISCHARGE, "improved"))

    @precondition(lambda self: self.life.among(S.NO_SHOW, S.UNPLACEABLE))
    @rule(which=WHICH)
    def offer_again(self, which: int) -> None:
        self.step(self.life.act(which, (S.NO_SHOW, S.UNPLACEABLE), C.OFFER_AGAIN, None))

    @precondition(lambda self: self.life.among(*OPEN))
    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        self.step(self.life.act(which, OPEN, C.CANCEL, "other"))

    @precondition(lambda self: self.life.record)
    @rule(which=WHICH, command=st.sampled_from([C.ACCEPT, C.ADMIT, C.DISCHARGE, C.DECLINE, C.NO_SHOW]))
    def try_anything(self, which: int, command: Command) -> None:
        """Somebody asks for what may not fit."""

        async def work() -> None:
            try:
                await self.life.act(which, tuple(S), command, "other")
            except IllegalTransition:
                return

        self.step(work())

    @precondition(lambda self: self.hours < LONGEST)
    @rule(hours=st.sampled_from([1, 13, 25, 37, 73, 8 * 24, 31 * 24, -1]))
    def pass_time(self, hours: int) -> None:
        self.hours += max(0, hours)
        self.step(self.stage.country.pass_time(hours=hours))

    @rule(name=TOPICS, most=st.integers(1, 4))
    def carry(self, name: str, most: int) -> None:
        self.step(self.life.deliver(name, most))

    @rule(name=TOPICS, most=st.integers(1, 4), after=st.integers(1, 3))
    def crash(self, name: str, most: int, after: int) -> None:
        """The worker dies in the middle of a batch, after capacity has done what it was asked."""

        async def work() -> None:
            async with self.stage.line.cut(after):
                await self.life.deliver(name, most)

        self.step(work())

    @rule(name=TOPICS, most=st.integers(1, 9))
    def repeat(self, name: str, most: int) -> None:
        self.life.topics[name].again(most)

    @rule(unsent=st.integers(0, 3))
    def flush(self, unsent: int) -> None:
        """Redis is emptied, with the steps that were not relayed yet."""
        self.life.topics["capacity"].forget(unsent)
        self.step(self.stage.flush())

    @rule()
    def save(self) -> None:
        self.life.older = self.runner.run(self.stage.dump())

    @precondition(lambda self: self.life.older)
    @rule(unsent=st.integers(0, 3))
    def restore(self, unsent: int) -> None:
        """Redis comes back on an older file."""
        assert self.life.older
        self.life.topics["capacity"].forget(unsent)
        self.step(self.stage.restore(self.life.older))

    @rule(after=st.sampled_from([None, 1, 2, 3, 4, 5, 6]))
    def steward(self, after: int | None) -> None:
        """The steward looks, and may die in the middle of a rebuild."""

        async def work() -> None:
            look = self.stage.country.service.steward.look
            try:
                if after is None:
                    await look()
                else:
                    async with self.stage.line.cut(after):
                        await look()
            except TransientError:
                return

        self.step(work())

    @rule()
    def settle(self) -> None:
        self.step(self.life.settle())
