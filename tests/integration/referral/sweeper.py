"""The worker's sweep as a process of its own, to be killed: `python -m tests.integration.referral.sweeper`."""

import asyncio
import sys
from dataclasses import replace

from services.referral.bootstrap import bootstrap
from services.referral.entrypoints.sweeping import keeping_deadlines
from services.referral.settings import ReferralSettings

TOGETHER = 3
"""A transaction of few, so that many lie between the first and the last."""


async def main() -> None:
    async with bootstrap(ReferralSettings()) as service:  # type: ignore[call-arg]
        small = replace(service, sweep=replace(service.sweep, batch=TOGETHER))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async with keeping_deadlines(small):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
