"""The worker's sweep as a process of its own, to be killed: `python -m tests.integration.referral.sweep_process 20`.

It stands still after so many batches: on a fast machine, or when the test is slow, nobody could kill it amid them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

from services.referral.bootstrap import bootstrap
from services.referral.entrypoints.sweeping import sweeping
from services.referral.settings import ReferralSettings

BATCH = 3
"""Few in a transaction, so that many lie between the first and the last."""


def at_most(batches: int, may_go_on: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    left = iter(range(batches))

    async def bounded() -> bool:
        if next(left, None) is None:
            await asyncio.Event().wait()
        return await may_go_on()

    return bounded


async def main(batches: int) -> None:
    async with bootstrap(ReferralSettings()) as service:
        may_go_on = at_most(batches, service.sweep.may_go_on)
        small = replace(service, sweep=replace(service.sweep, batch=BATCH, may_go_on=may_go_on))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async with sweeping(small):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
