"""The load of one run: polyclinics, centers and operators, over the public APIs alone."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

from tests.chaos import country
from tests.chaos.clients import Client, ClientLog
from tests.chaos.country import Center
from tests.chaos.scenario import SECONDS, Scenario
from tests.support.children import submissions
from tests.support.network import RunningNetwork

POLYCLINICS = ("polyclinic-1", "polyclinic-2")
SUBMITTERS = 6
Round = Callable[[], Coroutine[Any, Any, None]]
Schedule = Iterator[tuple[float, dict[str, Any]]]
OPEN = ("submitted", "offered", "waiting", "unplaceable", "accepted", "admitted", "no_show")


@dataclass
class Load:
    """`run()` until `stop` is called and all children are submitted; `submitted` are those intake has acknowledged."""

    network: RunningNetwork
    scenario: Scenario
    centers: list[Center]
    log: ClientLog = field(default_factory=ClientLog)
    submitted: list[str] = field(default_factory=list)
    _stopped: bool = False

    def stop(self) -> None:
        self._stopped = True

    async def run(self) -> None:
        """Everybody at once; each draws from a random generator of the seed and of the own name."""
        async with AsyncExitStack() as clients, asyncio.TaskGroup() as people:
            self._clients = clients
            schedule = self._schedule()
            for number in range(SUBMITTERS):
                people.create_task(self._submit(schedule, POLYCLINICS[number % len(POLYCLINICS)]))
            for one in list(self.centers):
                people.create_task(self._repeat(self._answer, one))
            for name in POLYCLINICS:
                people.create_task(self._repeat(self._change_mind, name))
            people.create_task(self._repeat(self._set_places))
            people.create_task(self._repeat(self._operate))
            people.create_task(self._repeat(self._edit_entries))
            if self.scenario.opens_center:
                people.create_task(self._open_center(people))
            await self._until_stopped()

    async def _until_stopped(self) -> None:
        while not self._stopped:
            await asyncio.sleep(0.05)

    def _schedule(self) -> Schedule:
        """Each submission with its moment; all submitters take from the same iterator."""
        random = Random(f"{self.scenario.seed} children")
        bodies = submissions(self.scenario.children, seed=self.scenario.seed * 1000)
        began, every = time.monotonic(), self.scenario.seconds / self.scenario.children
        return iter([(began + every * at, country.adapt(one, random)) for at, one in enumerate(bodies)])

    async def _client(self, part: str, role: str, org: str = "") -> Client:
        return await self._clients.enter_async_context(Client(self.network, self.log, part, role, org))

    async def _submit(self, schedule: Schedule, polyclinic: str) -> None:
        intake = await self._client("intake", "polyclinic", polyclinic)
        for moment, body in schedule:
            await asyncio.sleep(max(0.0, moment - time.monotonic()))
            answer = await intake.request(
                "POST", "/v1/diagnoses", 409, json=body, headers={"Idempotency-Key": str(uuid4())}
            )
            if answer is None:
                continue
            if answer.status_code == 409:
                if answer.json().get("code") != "open_referral_exists":
                    self.log.findings.append(f"a submission was refused: {answer.text[:300]}")
                continue
            self.submitted.append(answer.json()["referral_id"])

    async def _repeat(self, person: Callable[..., Coroutine[Any, Any, Round]], *who: Center | str) -> None:
        """One round after the other until stopped. `person` gets a random generator and who it is."""
        names = [one.id if isinstance(one, Center) else one for one in who]
        random = Random(f"{self.scenario.seed} {' '.join(names) or person.__name__}")
        round = await person(random, *who)
        while not self._stopped:
            await round()
            await country.pause(random)

    async def _answer(self, random: Random, center: Center) -> Round:
        """A center works through its lists."""
        referral = await self._client("referral", "center", center.id)

        async def round() -> None:
            name = random.choice(["to-answer", "to-answer", "to-admit", "in-care"])
            items = await referral.items(f"/v1/worklists/{name}", limit=20)
            for one in random.sample(items, min(3, len(items))):
                command, body = _decide(random, name)
                await referral.act(one["id"], command, body)

        return round

    async def _change_mind(self, random: Random, polyclinic: str) -> Round:
        """A polyclinic cancels some, families withdraw, children who did not come are offered again."""
        referral = await self._client("referral", "polyclinic", polyclinic)

        async def round() -> None:
            for one in (await referral.items("/v1/referrals", status="no_show"))[:3]:
                await referral.act(one["id"], "offer-again")
            items = await referral.items("/v1/referrals", status=random.choice(OPEN))
            for one in random.sample(items, min(1, len(items))):
                if random.random() < 0.5:
                    await referral.act(one["id"], "withdraw")
                else:
                    await referral.act(one["id"], "cancel", {"reason": "no_longer_needed"})

        return round

    async def _set_places(self, random: Random) -> Round:
        """Centers confirm, raise and lower their figures, suspend and resume."""
        clients = {one.id: await self._client("referral", "center", one.id) for one in self.centers}

        async def round() -> None:
            one = random.choice([center for center in self.centers if center.id in clients])
            programme, usual = random.choice(list(one.places.items()))
            places, suspended = max(0, usual + random.choice([-2, -1, 0, 0, 1, 2])), random.random() < 0.1
            self.log.steps["places"] += await country.set_places(
                clients[one.id], one.id, programme, places, suspended, may_be_closed=True
            )

        return round

    async def _operate(self, random: Random) -> Round:
        """An operator offers unplaceable children again, and looks at the numbers."""
        referral, capacity = await self._client("referral", "operator"), await self._client("capacity", "operator")

        async def round() -> None:
            for one in (await referral.items("/v1/worklists/escalated"))[:3]:
                if one["state"] == "unplaceable":
                    await referral.act(one["id"], "offer-again")
            await capacity.items("/v1/capacity", limit=1000)

        return round

    async def _edit_entries(self, random: Random) -> Round:
        """An operator closes programmes by leaving them out of a center's entry, and opens them again."""
        registry, centers = await self._client("referral", "operator"), list(self.centers)

        async def round() -> None:
            one = random.choice(centers)
            programmes = one.entry["programmes"]
            open_ones = [] if random.random() < 0.2 else random.sample(programmes, random.randint(1, len(programmes)))
            self.log.steps["edit entry"] += await country.put_entry(registry, one, open_ones)
            await country.pause(random, 1.5)

        return round

    async def _open_center(self, people: asyncio.TaskGroup) -> None:
        await asyncio.sleep(Random(f"{self.scenario.seed} opens").uniform(2, SECONDS - 2))
        new = country.new_center(self.scenario.seed, len(self.centers))
        registry = await self._client("referral", "operator")
        if await country.open_center(registry, new):
            self.log.steps["open center"] += 1
            self.centers.append(new)
            people.create_task(self._repeat(self._answer, new))


def _decide(random: Random, worklist: str) -> tuple[str, dict[str, Any]]:
    """A center's command for a referral on one of its worklists."""
    if worklist == "in-care":
        return "discharge", {"outcome": "improved"}
    roll = random.random()
    if roll < 0.15:
        return "decline", {"reason": "no_capacity"}
    if worklist == "to-admit":
        return ("no-show", {"reason": "family_did_not_come"}) if roll < 0.3 else ("admit", {})
    return ("seen", {}) if roll < 0.35 else ("accept", {})
