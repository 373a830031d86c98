"""One run on one network: load, faults, quiet, invariants; then most open referrals are cancelled."""

import asyncio
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.chaos import country
from tests.chaos.clients import Client, ClientLog
from tests.chaos.country import Center
from tests.chaos.faults import FaultInjector
from tests.chaos.feed import FeedFollower
from tests.chaos.invariants import Checked, Findings, check
from tests.chaos.load import OPEN, Load
from tests.chaos.scenario import SECONDS, Scenario
from tests.chaos.testbed import Testbed

CARRIED_OVER = 0.15
"""The share of open referrals that stay for the next run."""


@dataclass
class Outcome:
    """The result of a run, for its line and for the table."""

    scenario: Scenario
    children: int
    steps: Counter[str]
    faults: Counter[str]
    skipped: int
    longest: float
    loaded: float
    quiet_after: float
    seconds: float
    hand_overs: int
    judged: int
    findings: Findings

    @property
    def ok(self) -> bool:
        return not self.findings.all()


@dataclass
class Runner:
    """Runs scenarios on one network. Its centers, figures, feed and acknowledged referrals last from run to run."""

    bed: Testbed
    follower: FeedFollower
    centers: list[Center] = field(default_factory=country.first_centers)
    submitted: set[str] = field(default_factory=set)
    figures: dict[str, tuple[int, bool]] = field(default_factory=dict)
    counted: tuple[int, int] = (0, 0)
    """Hand-overs of earlier runs, and how many of them were judged."""

    async def run(self, scenario: Scenario) -> Outcome:
        began = time.monotonic()
        load = Load(self.bed.network, scenario, self.centers)
        injector = FaultInjector(self.bed)
        self.bed.stops.clear()
        try:
            await self._load(load, injector)
        except Exception:  # noqa: BLE001  whatever breaks a run is a finding of it
            load.log.findings.append(f"the run itself broke off: {traceback.format_exc()}")
        self.submitted |= set(load.submitted)
        self.figures |= load.log.figures
        loaded = time.monotonic() - began
        checked = await check(self.bed, self.submitted, self.figures, self.follower)
        checked.findings.answers += [*load.log.findings, *(not_gentle(self.bed, load.log) if scenario.gentle else ())]
        if not checked.findings.all():
            await self._clear(scenario, checked)
        return self._outcome(load, injector, checked, loaded, time.monotonic() - began)

    async def _load(self, load: Load, injector: FaultInjector) -> None:
        loading = asyncio.create_task(load.run())
        try:
            await asyncio.gather(asyncio.sleep(SECONDS), injector.run(load.scenario.faults))
        finally:
            load.stop()
            await loading

    async def _clear(self, scenario: Scenario, checked: Checked) -> None:
        """Cancel most open referrals, open every programme with its usual figure: the next run has places to give."""
        random, log = Random(f"{scenario.seed} home"), ClientLog()
        assert checked.record is not None
        open_referrals = [id for id, one in checked.record.referrals.items() if one.row.state in OPEN]
        todo = iter([one for one in sorted(open_referrals) if random.random() > CARRIED_OVER])
        async with Client(self.bed.network, log, "referral", "operator") as referral:

            async def cancel() -> None:
                for one in todo:
                    await referral.act(one, "cancel", {"reason": "placed_elsewhere"})

            await asyncio.gather(*(cancel() for _ in range(6)))
            for center in self.centers:
                await country.put_entry(referral, center, center.entry["programmes"])
                for programme, places in center.places.items():
                    await country.set_places(referral, center.id, programme, places)
        self.figures |= log.figures
        checked.findings.answers += log.findings

    def _outcome(self, load: Load, injector: FaultInjector, checked: Checked, loaded: float, seconds: float) -> Outcome:
        replayed, before = checked.replayed, self.counted
        self.counted = (replayed.hand_overs, replayed.judged)
        return Outcome(
            scenario=load.scenario,
            children=len(load.submitted),
            steps=load.log.steps,
            faults=Counter(str(one.kind) for one in injector.done),
            skipped=len(injector.skipped),
            longest=load.log.longest,
            loaded=loaded,
            quiet_after=checked.quiet_after,
            seconds=seconds,
            hand_overs=replayed.hand_overs - before[0],
            judged=replayed.judged - before[1],
            findings=checked.findings,
        )


def not_gentle(bed: Testbed, log: ClientLog) -> list[str]:
    """While parts are only stopped and started by hand, clients of the others see latency and 503, no more."""
    broken = [one for one in log.interruptions if one.kind != "503" and not one.kind.endswith("Timeout")]
    rude = [one for one in broken if not bed.was_stopped(one.part, one.at)]
    return [f"{one.part} was not stopped, and a client saw {one.kind}" for one in rude]
