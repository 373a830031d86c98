"""The worker's sweep as a process of its own, to be killed: `python -m tests.integration.referral.sweep_process`."""

import asyncio
import sys
from dataclasses import replace

from services.referral.bootstrap import bootstrap
from services.referral.entrypoints.sweeping import sweeping
from services.referral.settings import ReferralSettings

BATCH = 3
"""Few in a transaction, so that many lie between the first and the last."""


async def main() -> None:
    async with bootstrap(ReferralSettings()) as service:
        small = replace(service, sweep=replace(service.sweep, batch=BATCH))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async with sweeping(small):
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
