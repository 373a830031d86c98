"""The people of one run: polyclinics, centers and operators, over the public APIs alone."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import uuid4

from tests.chaos import country
from tests.chaos.clients import Client, Notes
from tests.chaos.country import Center
from tests.chaos.scenario import SECONDS, Scenario
from tests.support.children import demo
from tests.support.network import RunningNetwork

POLYCLINICS = ("polyclinic-1", "polyclinic-2")
SUBMITTERS = 6
Turn = Callable[[], Coroutine[Any, Any, None]]
Children = Iterator[tuple[float, dict[str, Any]]]
OPEN = ("submitted", "offered", "waiting", "unplaceable", "accepted", "admitted", "no_show")


@dataclass
class Load:
    """`run()` until `stop` is called and all children are submitted; who was taken is in `taken`."""

    network: RunningNetwork
    scenario: Scenario
    centers: list[Center]
    notes: Notes = field(default_factory=Notes)
    taken: list[str] = field(default_factory=list)
    _stopped: bool = False

    def stop(self) -> None:
        self._stopped = True

    async def run(self) -> None:
        """Everybody at once; each decides by chance, from the seed and who it is."""
        async with AsyncExitStack() as clients, asyncio.TaskGroup() as people:
            self._clients = clients
            children = self._children()
            for number in range(SUBMITTERS):
                people.create_task(self._submit(children, POLYCLINICS[number % len(POLYCLINICS)]))
            for one in list(self.centers):
                people.create_task(self._as_long_as_it_lasts(self._answer, one))
            for name in POLYCLINICS:
                people.create_task(self._as_long_as_it_lasts(self._change_mind, name))
            people.create_task(self._as_long_as_it_lasts(self._set_places))
            people.create_task(self._as_long_as_it_lasts(self._operate))
            if self.scenario.opens_center:
                people.create_task(self._open_center(people))
            await self._until_stopped()

    async def _until_stopped(self) -> None:
        while not self._stopped:
            await asyncio.sleep(0.05)

    def _children(self) -> Children:
        """Each with the moment at which it is submitted; all submitters take from the same."""
        chance = Random(f"{self.scenario.seed} children")
        bodies = demo(self.scenario.children, seed=self.scenario.seed * 1000)
        began, every = time.monotonic(), SECONDS / self.scenario.children
        return iter([(began + every * at, country.child(one, chance)) for at, one in enumerate(bodies)])

    async def _client(self, part: str, role: str, org: str = "") -> Client:
        return await self._clients.enter_async_context(Client(self.network, self.notes, part, role, org))

    async def _submit(self, children: Children, polyclinic: str) -> None:
        intake = await self._client("intake", "polyclinic", polyclinic)
        for moment, body in children:
            await asyncio.sleep(max(0.0, moment - time.monotonic()))
            answer = await intake.ask(
                "POST", "/v1/diagnoses", 409, json=body, headers={"Idempotency-Key": str(uuid4())}
            )
            if answer is None:
                continue
            if answer.status_code == 409:
                if answer.json().get("code") != "open_referral_exists":
                    self.notes.findings.append(f"a submission was refused: {answer.text[:300]}")
                continue
            self.taken.append(answer.json()["referral_id"])

    async def _as_long_as_it_lasts(self, person: Callable[..., Coroutine[Any, Any, Turn]], *who: Center | str) -> None:
        """`person` is told its own chance and who it is, and answers with what it does at each of its turns."""
        names = [one.id if isinstance(one, Center) else one for one in who]
        chance = Random(f"{self.scenario.seed} {' '.join(names) or person.__name__}")
        turn = await person(chance, *who)
        while not self._stopped:
            await turn()
            await country.pause(chance)

    async def _answer(self, chance: Random, center: Center) -> Turn:
        """A center works through its lists."""
        referral = await self._client("referral", "center", center.id)

        async def turn() -> None:
            name = chance.choice(["to-answer", "to-answer", "to-admit", "in-care"])
            items = await referral.items(f"/v1/worklists/{name}", limit=20)
            for one in chance.sample(items, min(3, len(items))):
                command, body = _decide(chance, name)
                await referral.act(one["id"], command, body)

        return turn

    async def _change_mind(self, chance: Random, polyclinic: str) -> Turn:
        """A polyclinic cancels some, families withdraw, who did not come is offered again."""
        referral = await self._client("referral", "polyclinic", polyclinic)

        async def turn() -> None:
            for one in (await referral.items("/v1/referrals", status="no_show"))[:3]:
                await referral.act(one["id"], "offer-again")
            items = await referral.items("/v1/referrals", status=chance.choice(OPEN))
            for one in chance.sample(items, min(1, len(items))):
                if chance.random() < 0.5:
                    await referral.act(one["id"], "withdraw")
                else:
                    await referral.act(one["id"], "cancel", {"reason": "no_longer_needed"})

        return turn

    async def _set_places(self, chance: Random) -> Turn:
        """Centers confirm, raise and lower their figures, suspend and resume."""
        clients = {one.id: await self._client("capacity", "center", one.id) for one in self.centers}

        async def turn() -> None:
            one = chance.choice([center for center in self.centers if center.id in clients])
            programme, usual = chance.choice(list(one.places.items()))
            body = {"places": max(0, usual + chance.choice([-2, -1, 0, 0, 1, 2])), "suspended": chance.random() < 0.1}
            answer = await clients[one.id].ask("PUT", f"/v1/capacity/{one.id}/{programme}", json=body)
            self.notes.steps["places"] += answer is not None

        return turn

    async def _operate(self, chance: Random) -> Turn:
        """An operator looks for a place again where there was none, and looks at the numbers."""
        referral, capacity = await self._client("referral", "operator"), await self._client("capacity", "operator")

        async def turn() -> None:
            for one in (await referral.items("/v1/worklists/escalated"))[:3]:
                if one["state"] == "unplaceable":
                    await referral.act(one["id"], "offer-again")
            await capacity.items("/v1/capacity", limit=1000)

        return turn

    async def _open_center(self, people: asyncio.TaskGroup) -> None:
        await asyncio.sleep(Random(f"{self.scenario.seed} opens").uniform(2, SECONDS - 2))
        new = country.opened(self.scenario.seed, len(self.centers))
        registry = await self._client("referral", "operator")
        if await registry.ask("PUT", f"/v1/centers/{new.id}", json=new.body):
            self.notes.steps["open center"] += 1
            self.centers.append(new)
            people.create_task(self._as_long_as_it_lasts(self._answer, new))


def _decide(chance: Random, worklist: str) -> tuple[str, dict[str, Any]]:
    """What a center does with one on its list."""
    if worklist == "in-care":
        return "discharge", {"outcome": "improved"}
    roll = chance.random()
    if roll < 0.15:
        return "decline", {"reason": "no_capacity"}
    if worklist == "to-admit":
        return ("no-show", {"reason": "family_did_not_come"}) if roll < 0.3 else ("admit", {})
    return ("seen", {}) if roll < 0.35 else ("accept", {})
