"""A small country on real servers. A test delivers the events: which, when and how often."""

import csv
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select

from services.capacity.domain.step import START, StepId
from services.capacity.ports import Store
from services.contracts.authority import Visibility, actor
from services.contracts.events import Event, FigureSetV1, PlaceHandedOverV1, PlacesSetV1, ReferralEvent, read_event
from services.contracts.vocabulary import ReferralState, Role
from services.kit.errors import TransientError
from services.kit.http.auth import Principal
from services.kit.versions import ANYTHING
from services.referral.adapters.sql_referrals import SqlReferrals
from services.referral.adapters.tables import outbox
from services.referral.bootstrap import ReferralService
from services.referral.domain.life import Command
from services.referral.domain.referral import ReferralWithOffers
from services.referral.entrypoints.center_schemas import CenterBody, registration_of
from services.referral.entrypoints.referral_schemas import ReferralStory, told
from services.referral.handlers.act import Details
from services.referral.ports import BatchContext
from tests.support.capacity.readable import readable
from tests.unit.referral.fakes import FakeIntake
from tests.unit.referral.samples import NOW, SETTLEMENTS, diagnosis, event

ADMIN = Principal("a", frozenset({"admin"}), "", person="a")
ADMIN_ACTOR = actor(ADMIN, Role.ADMIN)
CONSUMER = "worker"
FIGURE = ("places", "suspended")


class Clock:
    """Stands still until a test moves it; each reading is a millisecond later, as in simulation."""

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
    (folder / "days_off.csv").write_text("date,day,source\n")
    shutil.copy(reasons, folder)
    shutil.copy(reasons.parent / "regions.csv", folder)
    return folder


def programme_body(id: str, places: int = 1, *, suspended: bool = False, **changes: Any) -> dict[str, Any]:
    """A programme with its figure, which is no part of the center's entry."""
    return {
        "id": id, "modality": "day_stay", "age_from_months": 0, "age_under_months": 216, "icd10_prefixes": ["G80"],
        "catchment": "nation", "places": places, "suspended": suspended, "course_days": 21,
    } | changes  # fmt: skip


def center_body(*programmes: dict[str, Any], settlement: str = "near", **changes: Any) -> dict[str, Any]:
    """A valid body of `PUT /v1/centers/{id}`."""
    place = SETTLEMENTS[settlement]
    return {
        "name_kk": "Орталық", "name_ru": "Центр", "name_en": "Center", "region_id": place.region_id,
        "settlement_id": place.id, "latitude": place.latitude, "longitude": place.longitude,
        "programmes": [{name: one[name] for name in one if name not in FIGURE} for one in programmes],
    } | changes  # fmt: skip


@dataclass
class Country:
    """The referral service with its capacity, and the events that were not delivered yet."""

    service: ReferralService
    capacity: Store
    clock: Clock
    intake: FakeIntake = field(default_factory=FakeIntake)
    _last_own: int = 0
    _step: StepId = field(default_factory=lambda: START)

    @property
    def referrals(self) -> SqlReferrals:
        return SqlReferrals(self.service.database)

    async def register(
        self, center_id: str, *programmes: dict[str, Any], settlement: str = "near", **more: Any
    ) -> None:
        """Put the center's entry and its new figures, as the API does; their events are delivered with the others."""
        body = CenterBody.model_validate(center_body(*programmes, settlement=settlement, **more))
        await self.service.register_center(registration_of(center_id, body), ANYTHING)
        for one in programmes:
            wanted = one["places"], one["suspended"]
            known = await self.service.registry.find_figure(center_id, one["id"])
            if known is None or (known.places, known.suspended) != wanted:
                await self.service.registry.set_figure(center_id, one["id"], *wanted, f"center:{center_id}", ANYTHING)

    async def open(self, center_id: str, places: int = 1, settlement: str = "near", **more: Any) -> None:
        """A center of one programme of the same name, open to children."""
        await self.register(center_id, programme_body(center_id, places, **more), settlement=settlement)
        await self.deliver()

    async def submit(self, *numbers: int, **changes: Any) -> None:
        """Children are submitted in one batch; no other event is delivered."""
        await self.handle([event(diagnosis(number, **changes)) for number in numbers])

    async def own_events(self) -> list[Event]:
        """The referral service's own events since it was last asked."""
        rows = outbox.rows
        query = (
            select(rows.c.sequence, rows.c.payload).where(rows.c.sequence > self._last_own).order_by(rows.c.sequence)
        )
        found = await self.service.database.read(lambda session: session.execute(query).all())
        self._last_own = found[-1].sequence if found else self._last_own
        events = [one for row in found if (one := read_event(row.payload))]
        return list({one.envelope.id: one for one in events}.values())  # some are in two topics

    async def capacity_events(self) -> list[Event]:
        """Capacity's events since it was last asked."""
        steps = readable(await self.capacity.steps.after(self._step, 10_000))
        self._step = steps[-1].id if steps else self._step
        return [event(step.data, id=str(step.id)) for step in steps]

    async def handle(self, events: Iterable[Event]) -> None:
        """The worker handles these events in one batch."""
        early = await self.react(events)
        assert not early, f"came early: {early}"

    async def react(self, events: Iterable[Event]) -> Collection[str]:
        """As `handle`; the ids of the events that came early."""
        self.intake.publish(batch := list(events))
        early = await self.service.reactions(CONSUMER, batch)
        await self.check()
        return early

    @contextmanager
    def crash_at_commit(self) -> Iterator[None]:
        """What is done inside reaches capacity, and the record of it is lost."""
        referrals = self.service.reactions.referrals

        async def crash(*_: object, **__: object) -> None:
            raise TransientError("crash")

        referrals.save = crash  # type: ignore[method-assign]
        try:
            with pytest.raises(TransientError, match="crash"):
                yield
        finally:
            del referrals.save

    async def check(self) -> None:
        """At any moment of any test: each open referral has an owner and a deadline."""
        assert await self.service.deadlines.lost() == []

    async def deliver(self) -> list[Event]:
        """The worker handles new events until there are none any more; all that it handled."""
        handled: list[Event] = []
        while batch := [*await self.own_events(), *await self.capacity_events()]:
            await self.handle(batch)
            handled += batch
        return handled

    async def act(self, number: int, command: Command, reason: str | None = None, **more: Any) -> None:
        """By an administrator; no event is delivered yet."""
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
        """The clock goes on (`days=3`), and the deadlines are swept; no event is delivered yet."""
        self.clock.now += timedelta(**time)
        steps = await self.service.sweep(self.clock())
        assert steps is not None, "another process sweeps"
        await self.check()
        return Counter(steps)

    async def loaded(self, number: int) -> ReferralWithOffers:
        found = await self.referrals.load(UUID(int=number))
        assert found, f"no referral {number}"
        return found

    async def where(self, number: int) -> tuple[ReferralState, str | None]:
        """The referral's state and programme."""
        one = (await self.loaded(number)).referral
        return one.state, one.programme_id

    async def story(self, number: int) -> ReferralStory:
        found = await self.service.reading.views.story(str(UUID(int=number)), Visibility(everything=True))
        assert found
        return ReferralStory.model_validate_json(bytes(told(found, [], Visibility(everything=True)).body))

    async def occupied(self) -> dict[str, int]:
        """By programme: places that are occupied."""
        snapshot = await self.capacity.programmes.snapshot(NOW)
        return {one.programme_id: one.occupied for one in snapshot.figures}

    async def figures(self) -> dict[str, tuple[int, int, int]]:
        """By programme: places, held, waiting."""
        snapshot = await self.capacity.programmes.snapshot(NOW)
        return {one.programme_id: (one.places, one.held, one.waiting) for one in snapshot.figures}

    async def queue(self, programme_id: str) -> list[int]:
        return [entry.referral_id.int for entry in await self.capacity.programmes.queue(programme_id, None, 1000)]

    async def set_places(self, programme_id: str, places: int, *, suspended: bool | None = None) -> None:
        """The center sets its figure, and the worker applies it at capacity; no other event is delivered yet."""
        network = await self.service.registry.network()
        center_id = network.programmes[programme_id].center_id
        by = f"center:{center_id}"
        figure = await self.service.registry.set_figure(center_id, programme_id, places, suspended, by, ANYTHING)
        event = FigureSetV1(
            center_id=center_id, programme_id=programme_id, places=places, suspended=figure.suspended,
            confirmed_at=figure.confirmed_at, version=figure.version, actor=by,
        )  # fmt: skip
        await self.service.reactions.apply_figures({"": event}, BatchContext(frozenset(), {}, None))


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
