"""The network of the tour: the three real services on SQLite and Valkey in one process; `deliver` stands for Kafka."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import select

from services.capacity.domain.step import START, Step, StepId
from services.capacity.entrypoints.api import app_of
from services.capacity.ports import Store
from services.capacity.settings import CapacitySettings
from services.contracts import topics
from services.contracts.days import day_of
from services.contracts.events import Event, read_event, write_event
from services.contracts.vocabulary import Role
from services.intake.adapters.history import HISTORY as INTAKE
from services.intake.adapters.http_referrals import HttpReferrals
from services.intake.adapters.tables import outbox as intake_outbox
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.http.service_token import TokenFile
from services.kit.local_tokens import ISSUER
from services.kit.settings import CHECKOUT
from services.kit.sql.database import Database
from services.kit.sql.outbox import Outbox
from services.local.home import Home
from services.local.issuer import issue_token, make_secrets, process_token
from services.referral.adapters.history import HISTORY as REFERRAL
from services.referral.adapters.http_capacity import HttpCapacity
from services.referral.adapters.http_intake import HttpIntake
from services.referral.adapters.tables import outbox as referral_outbox
from services.referral.bootstrap import ReferralService, bootstrap, utc_now
from services.referral.entrypoints import api as referral_api
from services.referral.settings import ReferralSettings
from tests.support.capacity.readable import readable
from tests.unit.intake.samples import iin_of

ALMATY, ASTANA = "1526384", "1526273"
"""Settlements of data/settlements.csv."""


class Clock:
    """The machine's, and `ahead` of it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Network:
    """Clients of the APIs, and the worker's parts."""

    home: Home
    apps: dict[str, FastAPI]
    worker: ReferralService
    capacity: Store
    redis: Redis
    prefix: str
    clock: Clock
    _clients: AsyncExitStack = field(default_factory=AsyncExitStack)
    _last_step: StepId = START
    _published: dict[str, int] = field(default_factory=lambda: {"intake": 0, "referral": 0})

    async def client(self, service: str, role: str, org: str = "") -> httpx2.AsyncClient:
        """A client of a service's API, with a token of that role and organization."""
        headers = {"Authorization": f"Bearer {issue_token(self.home, [role], org)}"}
        transport = httpx2.ASGITransport(self.apps[service])
        made = httpx2.AsyncClient(transport=transport, base_url=f"http://{service}", headers=headers)
        return await self._clients.enter_async_context(made)

    async def submit(self, number: int) -> str:
        """A polyclinic in Almaty submits child `number`, five years old, with cerebral palsy; the referral's id."""
        born = day_of(utc_now()) - timedelta(days=5 * 365)
        child = {
            "iin": iin_of(born, "female", number),
            "full_name": "Үлгі Бала",
            "birth_date": str(born),
            "sex": "female",
        }
        body = {
            "child": child,
            "guardian": {"full_name": "Үлгі Ана", "phone": "+77010000000"},
            "diagnosis": {"icd10": "G80.1", "gmfcs": "III"},
            "settlement_id": ALMATY,
            "modalities": ["day_stay"],
        }
        answer = await (await self.client("intake", "polyclinic", "polyclinic-1")).post("/v1/diagnoses", json=body)
        assert answer.status_code == 201, answer.text
        id: str = answer.json()["referral_id"]
        return id

    async def referral(self, id: str) -> dict[str, Any]:
        """The referral's story, as an operator sees it."""
        answer = await (await self.client("referral", "operator")).get(f"/v1/referrals/{id}")
        assert answer.status_code == 200, answer.text
        story: dict[str, Any] = answer.json()
        return story

    async def note(self, id: str, center: str, text: str) -> str:
        """The id of a center's note, which intake seals."""
        client = await self.client("intake", "center", center)
        answer = await client.post(f"/v1/diagnoses/{id}/notes", json={"text": text})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["note_id"])

    async def answer(self, id: str, command: str, center: str, **body: Any) -> dict[str, Any]:
        """A center's command on a referral."""
        client = await self.client("referral", "center", center)
        answer = await client.post(f"/v1/referrals/{id}/{command}", json=body)
        assert answer.status_code == 200, answer.text
        story: dict[str, Any] = answer.json()
        return story

    async def deliver(self) -> list[Event]:
        """The relays publish, the worker and intake consume, until nothing is new; the events in order."""
        delivered: list[Event] = []
        while events := await self.new_events():
            delivered += events
            await self.worker.reactions("tour", [one for one in events if set(one.data.TOPICS) & set(topics.WORKER)])
        return delivered

    async def new_events(self) -> list[Event]:
        own = await self._rows("intake", self.apps["intake"].state.intake.database, intake_outbox)
        routed = await self._rows("referral", self.worker.database, referral_outbox)
        steps = readable(await self.capacity.steps.after(self._last_step, 1000))
        self._last_step = steps[-1].id if steps else self._last_step
        events = [event for raw in (*own, *routed) if (event := read_event(raw))]
        return list({one.envelope.id: one for one in events}.values()) + [_event(one) for one in steps]

    async def _rows(self, service: str, database: Database, outbox: Outbox) -> list[bytes]:
        rows = outbox.rows
        query = select(rows.c.sequence, rows.c.payload).where(rows.c.sequence > self._published[service])
        found = await database.read(lambda session: session.execute(query.order_by(rows.c.sequence)).all())
        self._published[service] = found[-1].sequence if found else self._published[service]
        return [row.payload for row in found]


def _event(step: Step) -> Event:
    """The event that capacity's relay publishes for a step."""
    event = read_event(write_event(step.data, event_id=step.event_id, source="/joldama/capacity", time=step.at))
    assert event
    return event


@asynccontextmanager
async def open_network(folder: Path, redis_url: str, prefix: str) -> AsyncIterator[Network]:
    """The services on databases in `folder`, a token issuer of their own, and the country's reference data."""
    home = Home(folder)
    home.make()
    make_secrets(home)
    urls = {service: f"sqlite:///{home.sql / service}.sqlite3" for service in ("intake", "referral")}
    INTAKE.migrate(urls["intake"])
    REFERRAL.migrate(urls["referral"])
    shared: dict[str, Any] = {
        "mode": "local", "kafka_servers": "127.0.0.1:1", "jwks": str(home.secrets / "jwks.json"), "issuer": ISSUER,
        "data": CHECKOUT / "data",
    }  # fmt: skip
    settings = ReferralSettings(
        **shared, referral_sql_url=urls["referral"], capacity_url="http://capacity", intake_url="http://intake"
    )
    capacity = app_of(CapacitySettings(**shared, redis_url=redis_url, key_prefix=prefix)).inside
    referral = referral_api.build(settings).inside
    intake_api, worker_token = (
        TokenFile(process_token(home, role)) for role in (Role.INTAKE_API, Role.REFERRAL_WORKER)
    )
    async with AsyncExitStack() as stack:
        to_capacity, to_referral = [
            await stack.enter_async_context(
                httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=f"http://{name}")
            )
            for name, app in (("capacity", capacity), ("referral", referral))
        ]
        own = IntakeSettings(**shared, intake_sql_url=urls["intake"], referral_url="http://referral")
        intake = create_api(own, HttpReferrals(to_referral, intake_api)).inside
        over_http = HttpCapacity(to_capacity, worker_token)
        for app in (intake, referral, capacity):
            await stack.enter_async_context(app.router.lifespan_context(app))
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        apps = {"intake": intake, "referral": referral, "capacity": capacity}
        clock = Clock()
        to_intake = httpx2.AsyncClient(transport=httpx2.ASGITransport(intake), base_url="http://intake")
        own_events = HttpIntake(await stack.enter_async_context(to_intake), worker_token)
        opened = bootstrap(settings, clock=clock, capacity=over_http, intake=own_events)
        worker = await stack.enter_async_context(opened)
        referral.state.service = worker
        network = Network(home, apps, worker, capacity.state.capacity.store, redis, prefix, clock)
        await stack.enter_async_context(network._clients)
        await worker.rebuilder.rebuild_if_needed()  # a new network's capacity is rebuilt from an empty record
        yield network
