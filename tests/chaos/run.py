"""One run on one network: load, faults, quiet, invariants; then most children go home."""

import asyncio
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.chaos import country
from tests.chaos.clients import Client, Notes
from tests.chaos.country import Center
from tests.chaos.faults import Faults
from tests.chaos.feed import Follower
from tests.chaos.ground import Ground
from tests.chaos.invariants import Checked, Findings, check
from tests.chaos.load import OPEN, Load
from tests.chaos.scenario import SECONDS, Scenario

STAY = 0.15
"""The share of open referrals that the next run finds."""


@dataclass
class Outcome:
    """What came of a run, for its line and for the table."""

    scenario: Scenario
    children: int
    steps: Counter[str]
    faults: Counter[str]
    left_out: int
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
class Stage:
    """A network, and what lasts from run to run on it: its centers, its feed, and whom intake took."""

    ground: Ground
    follower: Follower
    centers: list[Center] = field(default_factory=country.base)
    taken: set[str] = field(default_factory=set)
    seen: tuple[int, int] = (0, 0)
    """How many hand-overs earlier runs have counted, and how many of them were judged."""

    async def run(self, scenario: Scenario) -> Outcome:
        began = time.monotonic()
        load = Load(self.ground.network, scenario, self.centers)
        faults = Faults(self.ground)
        self.ground.away.clear()
        try:
            await self._load(load, faults)
        except Exception:
            load.notes.findings.append(f"the run itself broke off: {traceback.format_exc()}")
        self.taken |= set(load.taken)
        loaded = time.monotonic() - began
        checked = await check(self.ground, self.taken, self.follower)
        checked.findings.answers += [*load.notes.findings, *self._not_gentle(scenario, load.notes)]
        if not checked.findings.all():
            await self._send_home(scenario, checked)
        return self._outcome(load, faults, checked, loaded, time.monotonic() - began)

    async def _load(self, load: Load, faults: Faults) -> None:
        loading = asyncio.create_task(load.run())
        try:
            await asyncio.gather(asyncio.sleep(SECONDS), faults.run(load.scenario.faults))
        finally:
            load.stop()
            await loading

    def _not_gentle(self, scenario: Scenario, notes: Notes) -> list[str]:
        """While parts are only stopped and started by hand, clients of the others see latency and 503, no more."""
        if not scenario.gentle:
            return []
        broken = [one for one in notes.troubles if one.kind != "503" and not one.kind.endswith("Timeout")]
        rude = [one for one in broken if not self.ground.was_away(one.part, one.at)]
        return [f"{one.part} was not stopped, and a client saw {one.kind}" for one in rude]

    async def _send_home(self, scenario: Scenario, checked: Checked) -> None:
        """Most open referrals are cancelled and figures set as usual, so that the next run has places to give."""
        chance, notes = Random(f"{scenario.seed} home"), Notes()
        assert checked.record is not None
        going = [id for id, story in checked.record.stories.items() if story.row.state in OPEN]
        todo = iter([one for one in sorted(going) if chance.random() > STAY])
        network = self.ground.network
        async with (
            Client(network, notes, "referral", "operator") as referral,
            Client(network, notes, "capacity", "operator") as capacity,
        ):

            async def cancel() -> None:
                for one in todo:
                    await referral.act(one, "cancel", {"reason": "placed_elsewhere"})

            await asyncio.gather(*(cancel() for _ in range(6)))
            for center in self.centers:
                for programme, places in center.places.items():
                    body = {"places": places, "suspended": False}
                    await capacity.ask("PUT", f"/v1/capacity/{center.id}/{programme}", json=body)
        checked.findings.answers += notes.findings

    def _outcome(self, load: Load, faults: Faults, checked: Checked, loaded: float, seconds: float) -> Outcome:
        verdict, before = checked.verdict, self.seen
        self.seen = (verdict.hand_overs, verdict.judged)
        return Outcome(
            scenario=load.scenario,
            children=len(load.taken),
            steps=load.notes.steps,
            faults=Counter(str(one.kind) for one in faults.done),
            left_out=len(faults.left_out),
            longest=load.notes.longest,
            loaded=loaded,
            quiet_after=checked.quiet_after,
            seconds=seconds,
            hand_overs=verdict.hand_overs - before[0],
            judged=verdict.judged - before[1],
            findings=checked.findings,
        )
