"""Traffic of a small country: children are submitted, centers answer, and the worker handles the events."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from services.contracts.events import Event
from services.contracts.vocabulary import ReferralState
from services.kit.errors import TransientError
from services.kit.loops import background
from services.referral.domain.life import Command, IllegalTransition
from services.referral.domain.referral import ReferralWithOffers
from tests.integration.referral.country import Country
from tests.support.eventually import eventually


async def until_it_passes(step: Callable[[], Awaitable[object]]) -> None:
    """As the worker does with a batch."""
    while True:
        try:
            await step()
            return
        except TransientError:
            await asyncio.sleep(0.01)


async def submit_all(country: Country, numbers: range, together: int = 5) -> None:
    for at in range(numbers.start, numbers.stop, together):
        batch = range(at, min(at + together, numbers.stop))
        await until_it_passes(partial(country.submit, *batch))


SOURCES, ENOUGH = 2, 3
"""Both services' events; a source that had nothing so often has nothing, however slow the machine is."""


class Worker:
    """Handles both services' events, each source's in its order, until stopped."""

    def __init__(self, country: Country) -> None:
        self._country = country
        self._empty: dict[str, int] = {}
        """By source: how often in a row it had nothing, since a batch of any source was handled."""

    @property
    def quiet(self) -> bool:
        return len(self._empty) == SOURCES and min(self._empty.values()) >= ENOUGH

    async def consume(self, source: Callable[[], Awaitable[list[Event]]]) -> None:
        name = source.__name__
        while True:
            if batch := await source():
                self._empty.clear()
                await until_it_passes(partial(self._handle, batch))
                self._empty.clear()
            else:
                self._empty[name] = self._empty.get(name, 0) + 1
            await asyncio.sleep(0 if batch else 0.005)

    async def _handle(self, batch: list[Event]) -> None:
        """Raises TransientError while some came early; the others are handled."""
        if await self._country.react(batch):
            raise TransientError("came early")


@asynccontextmanager
async def working(country: Country) -> AsyncIterator[None]:
    """The worker and the rebuilder run; at the end all events were handled."""
    worker = Worker(country)
    loops = worker.consume(country.own_events), worker.consume(country.capacity_events), country.service.rebuilder.run()
    async with background(*loops) as tasks:
        yield

        async def settled() -> bool:
            assert [task.exception() for task in tasks if task.done()] == []
            if not worker.quiet or country.service.rebuilder.rebuilding:
                return False
            return not await pending(country) and worker.quiet

        await eventually(settled, within=60)


async def pending(country: Country) -> int:
    found = await everybody(country)
    return sum(one.referral.state is ReferralState.SUBMITTED for one in found)


async def everybody(country: Country, most: int = 1000) -> list[ReferralWithOffers]:
    found = await country.referrals.load_batch("", (), [UUID(int=number) for number in range(1, most)])
    return list(found.referrals.values())


async def answer_forever(country: Country, seed: int, admitting: bool = False) -> None:
    """Centers accept and decline; with `admitting` children also come, do not come, and leave."""
    chance = random.Random(seed)
    while True:
        for one in await everybody(country):
            if act := _next_act(one.referral.state, chance, admitting):
                await _try(country, one.referral.id.int, *act)
        await asyncio.sleep(0.01)


def _next_act(state: ReferralState, chance: random.Random, admitting: bool) -> tuple[Command, str | None] | None:
    dice = chance.random()
    if state is ReferralState.OFFERED and dice < 0.3:
        return (Command.DECLINE, "other") if dice < 0.18 else (Command.ACCEPT, None)
    if state is ReferralState.ACCEPTED and admitting and dice < 0.5:
        return (Command.NO_SHOW, "illness") if dice < 0.15 else (Command.ADMIT, None)
    if state is ReferralState.ACCEPTED and dice < 0.6:
        return Command.CANCEL, "other"
    if state is ReferralState.ADMITTED and dice < 0.5:
        return Command.DISCHARGE, "improved"
    return None


async def _try(country: Country, number: int, command: Command, reason: str | None) -> None:
    try:
        await country.act(number, command, reason)
    except (IllegalTransition, TransientError):
        return
