"""A small country on real servers. Events are carried by hand: a test says what comes when, and how often."""

import csv
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import select

from services.capacity.domain.step import START, StepId
from services.capacity.ports import Store
from services.contracts.events import Event, PlaceHandedOverV1, PlacesSetV1, ReferralEvent, read_event
from services.contracts.vocabulary import ReferralState
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.sql_views import Scope
from services.referral.adapters.tables import outbox
from services.referral.bootstrap import ReferralService
from services.referral.domain.life import Command
from services.referral.entrypoints.center_shapes import CenterBody, center_rows
from services.referral.entrypoints.referral_shapes import ReferralStory, story_of
from services.referral.handlers.act import Caller, Details
from services.referral.ports import Loaded
from tests.unit.referral.samples import NOW, SETTLEMENTS, diagnosis, event

ADMIN = Caller("admin:a", frozenset({"admin"}), None)


class Clock:
    """Stands still until a test moves it; each reading is a millisecond later, as in life."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def write_data(folder: Path, reasons: Path) -> Path:
    """The settlements of the small country as reference data."""
    folder.mkdir()
    with (folder / "settlements.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, ["id", "name_kk", "name_ru", "name_en", "region_id", "latitude", "longitude"])
        rows.writeheader()
        rows.writerows(one.model_dump(exclude={"population"}) for one in SETTLEMENTS.values())
    shutil.copy(reasons, folder)
    return folder


def programme_body(id: str, places: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": id, "modality": "day_stay", "age_from_months": 0, "age_under_months": 216, "icd10_prefixes": ["G80"],
        "catchment": "nation", "places": places, "course_days": 21,
    } | changes  # fmt: skip


def center_body(*programmes: dict[str, Any], settlement: str = "near", **changes: Any) -> dict[str, Any]:
    """A valid body of `PUT /v1/centers/{id}`."""
    place = SETTLEMENTS[settlement]
    return {
        "name_kk": "Орталық", "name_ru": "Центр", "name_en": "Center", "region_id": place.region_id,
        "settlement_id": place.id, "latitude": place.latitude, "longitude": place.longitude,
        "programmes": list(programmes),
    } | changes  # fmt: skip


@dataclass
class Country:
    """The referral service with its capacity, and the events that have not been carried yet."""

    service: ReferralService
    capacity: Store
    clock: Clock
    _told: int = 0
    _step: StepId = field(default_factory=lambda: START)

    @property
    def referrals(self) -> SqlReferrals:
        return SqlReferrals(self.service.database)

    async def register(
        self, center_id: str, *programmes: dict[str, Any], settlement: str = "near", **more: Any
    ) -> None:
        """Put the center's entry, as the API does; its event is carried with the others."""
        body = CenterBody.model_validate(center_body(*programmes, settlement=settlement, **more))
        await self.service.registry.put_center(*center_rows(center_id, body))

    async def open(self, center_id: str, places: int = 1, settlement: str = "near", **more: Any) -> None:
        """A center of one programme of the same name, open to children."""
        await self.register(center_id, programme_body(center_id, places, **more), settlement=settlement)
        await self.carry()

    async def submit(self, *numbers: int, **changes: Any) -> None:
        """Children are submitted in one batch; nothing else is carried yet."""
        await self.service.place_children([event(diagnosis(number, **changes)) for number in numbers])

    async def told(self) -> list[Event]:
        """The referral service's own events since it was last asked."""
        rows = outbox.rows
        query = select(rows.c.sequence, rows.c.payload).where(rows.c.sequence > self._told).order_by(rows.c.sequence)
        found = await self.service.database.read(lambda session: session.execute(query).all())
        self._told = found[-1].sequence if found else self._told
        return [one for row in found if (one := read_event(row.payload))]

    async def steps(self) -> list[Event]:
        """Capacity's events since it was last asked."""
        steps = await self.capacity.steps.after(self._step, 10_000)
        self._step = steps[-1].id if steps else self._step
        return [event(step.data, id=str(step.id)) for step in steps]

    async def take(self, events: Iterable[Event]) -> None:
        """What the worker does with a batch of each topic."""
        batch = list(events)
        await self.service.move_on(batch)
        await self.service.occupy(batch)
        await self.service.give_back(batch)
        await self.service.open_center(batch)
        await self.service.take_handovers(batch)
        await self.check()

    async def check(self) -> None:
        """At any moment of any test: each open referral has an owner and a deadline."""
        assert await self.service.deadlines.open_without_deadline() == []

    async def carry(self) -> list[Event]:
        """Carry events until there are none any more; all that were carried."""
        carried: list[Event] = []
        while batch := [*await self.told(), *await self.steps()]:
            await self.take(batch)
            carried += batch
        return carried

    async def act(self, number: int, command: Command, reason: str | None = None, **more: Any) -> None:
        """An administrator does it; nothing is carried yet."""
        await self.service.act(UUID(int=number), command, ADMIN, Details(reason, **more))
        await self.check()

    async def decline(self, number: int, reason: str = "no_capacity") -> None:
        await self.act(number, Command.DECLINE, reason)

    async def accept(self, number: int, **more: Any) -> None:
        await self.act(number, Command.ACCEPT, **more)

    async def admit(self, number: int) -> None:
        """The offer is accepted, and the child has come."""
        await self.accept(number)
        await self.act(number, Command.ADMIT)

    async def pass_time(self, **time: float) -> Counter[Command]:
        """The clock goes on (`days=3`), and the deadlines are swept; nothing is carried yet."""
        self.clock.now += timedelta(**time)
        taken = await self.service.sweep(self.clock())
        await self.check()
        return taken

    async def loaded(self, number: int) -> Loaded:
        found = await self.referrals.load(UUID(int=number))
        assert found, f"no referral {number}"
        return found

    async def where(self, number: int) -> tuple[ReferralState, str | None]:
        """The referral's state and programme."""
        one = (await self.loaded(number)).referral
        return one.state, one.programme_id

    async def story(self, number: int) -> ReferralStory:
        found = await self.service.views.story(str(UUID(int=number)), Scope())
        assert found
        return story_of(found, [])

    async def occupied(self) -> dict[str, int]:
        """By programme: places that are occupied."""
        snapshot = await self.capacity.places.snapshot(NOW)
        return {one.programme_id: one.occupied for one in snapshot.figures}

    async def figures(self) -> dict[str, tuple[int, int, int]]:
        """By programme: places, held, waiting."""
        snapshot = await self.capacity.places.snapshot(NOW)
        return {one.programme_id: (one.places, one.held, one.waiting) for one in snapshot.figures}

    async def queue(self, programme_id: str) -> list[int]:
        return [turn.referral_id.int for turn in await self.capacity.places.queue(programme_id, None, 1000)]

    async def set_places(self, programme_id: str, places: int, **more: Any) -> None:
        """The center sets its figure, as by `PUT /v1/capacity`."""
        await self.capacity.places.set_places(programme_id, places, self.clock() + timedelta(minutes=1), **more)


def offers(events: Iterable[Event]) -> list[tuple[int, str | None]]:
    """The referrals that were offered, in order, and where."""
    data = (one.data for one in events)
    return [
        (one.referral_id.int, one.programme_id)
        for one in data
        if isinstance(one, ReferralEvent) and one.state is ReferralState.OFFERED
    ]


def hand_overs(events: Iterable[Event]) -> list[Event]:
    return [one for one in events if isinstance(one.data, PlaceHandedOverV1)]


def figures_set(events: Iterable[Event]) -> list[Event]:
    return [one for one in events if isinstance(one.data, PlacesSetV1)]


async def problem(answer: httpx2.Response) -> tuple[int, str, list[str]]:
    """Status, code and fields of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"], [one["field"] for one in body.get("errors", [])]
