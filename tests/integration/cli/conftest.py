"""The services on real SQL and a real Valkey, each on its own port, with two settlements as the country.

Events go from outbox to handler without Kafka, which other tests cover.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, select

from services.capacity.entrypoints.api import app_of
from services.capacity.settings import CapacitySettings
from services.contracts.events import Event, read_event
from services.contracts.vocabulary import Role
from services.intake.adapters.history import HISTORY as INTAKE_HISTORY
from services.intake.adapters.tables import outbox as intake_outbox
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.local_tokens import AUDIENCE, ISSUER
from services.kit.sql.migrations import History
from services.kit.sql.outbox import Outbox
from services.local.home import Home
from services.local.issuer import issue_token, make_secrets, process_token
from services.referral.adapters.history import HISTORY
from services.referral.adapters.tables import outbox as referral_outbox
from services.referral.bootstrap import bootstrap
from services.referral.entrypoints.api import build
from services.referral.settings import ReferralSettings
from tests.support.terminal import serving

CHECKOUT = Path(__file__).resolve().parents[3]
SETTLEMENTS = """\
id,name_kk,name_ru,name_en,region_id,latitude,longitude,population
almaty,Алматы,Алматы,Almaty,KZ-75,43.25,76.95,2000000
astana,Астана,Астана,Astana,KZ-71,51.18,71.45,
"""
CENTERS = """\
id,name_kk,name_ru,name_en,region_id,settlement_id,latitude,longitude
near,Жақын,Ближний,Near,KZ-75,almaty,43.2,76.9
far,Алыс,Дальний,Far,KZ-71,astana,51.1,71.4
"""
PROGRAMMES = """\
id,center_id,modality,age_from_months,age_under_months,icd10_prefixes,catchment,places,course_days
near-in,near,inpatient,0,216,G80,nation,12,20
far-in,far,inpatient,0,216,G80,nation,30,20
"""
CODES = "code,title\nG80,Cerebral palsy\nG80.1,Spastic diplegic\nF84.0,Autism\nH90.3,Hearing loss\n"


@dataclass
class Country:
    """The running services, and the steps of a test beside the command."""

    home: Home
    intake: IntakeSettings
    referral: ReferralSettings
    urls: dict[str, str]

    def register(self, center_id: str, settlement_id: str, places: int | None, catchment: str = "nation") -> None:
        """A center with one inpatient programme for children of any age; without a figure when `places` is None."""
        programme = {
            "id": f"{center_id}-in", "modality": "inpatient", "age_from_months": 0, "age_under_months": 216,
            "icd10_prefixes": ["G80"], "catchment": catchment, "course_days": 20,
        }  # fmt: skip
        region, latitude, longitude = {"almaty": ("KZ-75", 43.2, 76.9), "astana": ("KZ-71", 51.1, 71.4)}[settlement_id]
        body = {
            "name_kk": center_id, "name_ru": center_id, "name_en": f"Center {center_id}", "region_id": region,
            "settlement_id": settlement_id, "latitude": latitude, "longitude": longitude, "programmes": [programme],
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {issue_token(self.home, ['operator'])}"}
        url = f"{self.urls['referral']}/v1/centers/{center_id}"
        httpx2.put(url, json=body, headers=headers).raise_for_status()
        if places is not None:
            figure = f"{url}/programmes/{center_id}-in/places"
            httpx2.put(figure, json={"places": places}, headers=headers).raise_for_status()
        self.carry()

    def carry(self) -> None:
        """Bring every event to its handlers, as relays and worker do; processed ones have no second effect."""
        asyncio.run(self._carry())

    @contextmanager
    def carrying(self) -> Iterator[None]:
        """Bring events to their handlers continuously during the body."""
        stop = threading.Event()

        def carry() -> None:
            while not stop.wait(0.05):
                self.carry()

        with ThreadPoolExecutor(1) as pool:
            carried = pool.submit(carry)
            try:
                yield
            finally:
                stop.set()
            carried.result()

    async def _carry(self) -> None:
        events = _events(self.intake.intake_sql_url, intake_outbox)
        events += _events(self.referral.referral_sql_url, referral_outbox)
        async with bootstrap(self.referral) as service:
            assert not await service.reactions("worker", events)


def _events(url: str, outbox: Outbox) -> list[Event]:
    engine = create_engine(url)
    with engine.connect() as connection:
        payloads = connection.execute(select(outbox.rows.c.payload).order_by(outbox.rows.c.sequence)).scalars().all()
    engine.dispose()
    return [event for payload in payloads if (event := read_event(payload))]


@pytest.fixture
def country(
    valkey: str,
    prefix: str,
    migrated_database: Callable[[str, History], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Country]:
    home, data = Home(tmp_path / "home"), tmp_path / "data"
    home.make()
    make_secrets(home)
    _write_data(data)
    monkeypatch.setenv("JOLDAMA_HOME", str(home.root))
    monkeypatch.delenv("JOLDAMA_TOKEN", raising=False)
    shared: dict[str, Any] = {
        "mode": "local", "kafka_servers": "127.0.0.1:1", "jwks": str(home.secrets / "jwks.json"), "issuer": ISSUER,
        "audience": AUDIENCE, "data": data, "service_token_file": process_token(home, Role.REFERRAL_WORKER),
    }  # fmt: skip
    with ExitStack() as stack:
        capacity = app_of(CapacitySettings(redis_url=valkey, key_prefix=prefix, **shared))
        inside = stack.enter_context(serving(capacity.inside))  # it has the public routes too
        referral_url = migrated_database("referral", HISTORY)
        referral = ReferralSettings(
            referral_sql_url=referral_url, capacity_url=inside, intake_url="http://unused", forecast_every=0, **shared
        )
        served = stack.enter_context(serving(build(referral).inside))
        sql = migrated_database("intake", INTAKE_HISTORY)
        shared["service_token_file"] = process_token(home, Role.INTAKE_API)
        intake = IntakeSettings(intake_sql_url=sql, referral_url=served, **shared)
        api = stack.enter_context(serving(create_api(intake).inside))
        referral = referral.model_copy(update={"intake_url": api})
        urls = {"intake": api, "referral": served, "capacity": inside}
        home.network_file.write_text(json.dumps(urls))
        yield Country(home, intake, referral, urls)


def _write_data(folder: Path) -> None:
    folder.mkdir()
    (folder / "settlements.csv").write_text(SETTLEMENTS)
    (folder / "centers.csv").write_text(CENTERS)
    (folder / "programmes.csv").write_text(PROGRAMMES)
    (folder / "icd10.csv").write_text(CODES)
    for name in ("regions.csv", "reasons.csv", "days_off.csv"):
        (folder / name).write_bytes((CHECKOUT / "data" / name).read_bytes())
