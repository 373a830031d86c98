"""The real services on real SQL and a real Valkey, each on its own port, with a small country in them.

Events go from outbox to handler directly: that Kafka carries them is proved elsewhere.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, select

from services.capacity.bootstrap import CapacitySettings
from services.capacity.entrypoints.api import app_of
from services.contracts.events import Event, read_event
from services.intake.adapters.history import HISTORY as INTAKE_HISTORY
from services.intake.adapters.tables import outbox as intake_outbox
from services.intake.entrypoints.api import create_api
from services.intake.settings import IntakeSettings
from services.kit.sql.outbox import Outbox
from services.local.home import Home
from services.local.issuer import AUDIENCE, ISSUER, issue_token, make_secrets
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
CODES = "code,title\nG80,Cerebral palsy\nG80.1,Spastic diplegic\nF84.0,Autism\n"


@dataclass
class Country:
    """The running services, and what a test does beside the command."""

    home: Home
    intake: IntakeSettings
    referral: ReferralSettings
    urls: dict[str, str]

    def register(self, center_id: str, settlement_id: str, places: int) -> None:
        """A center with one inpatient programme for children of any age."""
        programme = {
            "id": f"{center_id}-in", "modality": "inpatient", "age_from_months": 0, "age_under_months": 216,
            "icd10_prefixes": ["G80"], "catchment": "nation", "places": places, "course_days": 20,
        }  # fmt: skip
        region, latitude, longitude = {"almaty": ("KZ-75", 43.2, 76.9), "astana": ("KZ-71", 51.1, 71.4)}[settlement_id]
        body = {
            "name_kk": center_id, "name_ru": center_id, "name_en": f"Center {center_id}", "region_id": region,
            "settlement_id": settlement_id, "latitude": latitude, "longitude": longitude, "programmes": [programme],
        }  # fmt: skip
        token = issue_token(self.home, ["operator"])
        url = f"{self.urls['referral']}/v1/centers/{center_id}"
        httpx2.put(url, json=body, headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        self.carry()

    def carry(self) -> None:
        """Bring every event to its handlers, as relays and worker do; they have seen what they have seen."""
        asyncio.run(self._carry())

    async def _carry(self) -> None:
        events = _events(self.intake.intake_sql_url, intake_outbox)
        events += _events(self.referral.referral_sql_url, referral_outbox)
        async with bootstrap(self.referral) as service:
            for take in (service.open_center, service.place_children, service.move_on):
                await take(events)


def _events(url: str, outbox: Outbox) -> list[Event]:
    engine = create_engine(url)
    with engine.connect() as connection:
        payloads = connection.execute(select(outbox.rows.c.payload).order_by(outbox.rows.c.sequence)).scalars().all()
    engine.dispose()
    return [event for payload in payloads if (event := read_event(payload))]


@pytest.fixture
def country(
    valkey: str, prefix: str, new_database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Country]:
    home, data = Home(tmp_path / "home"), tmp_path / "data"
    home.make()
    make_secrets(home)
    _write_data(data)
    monkeypatch.setenv("JOLDAMA_HOME", str(home.root))
    monkeypatch.delenv("JOLDAMA_TOKEN", raising=False)
    shared: dict[str, Any] = {
        "mode": "local", "kafka_servers": "127.0.0.1:1", "jwks": str(home.secrets / "jwks.json"), "issuer": ISSUER,
        "audience": AUDIENCE, "data": data, "service_token_file": home.secrets / "service-token",
    }  # fmt: skip
    intake = IntakeSettings(intake_sql_url=new_database("intake"), **shared)
    INTAKE_HISTORY.migrate(intake.intake_sql_url)
    with ExitStack() as stack:
        capacity = stack.enter_context(serving(app_of(CapacitySettings(redis_url=valkey, key_prefix=prefix, **shared))))
        referral = ReferralSettings(referral_sql_url=new_database("referral"), capacity_url=capacity, **shared)
        HISTORY.migrate(referral.referral_sql_url)
        urls = {
            "intake": stack.enter_context(serving(create_api(intake))),
            "referral": stack.enter_context(serving(build(referral))),
            "capacity": capacity,
        }
        home.network_file.write_text(json.dumps(urls))
        yield Country(home, intake, referral, urls)


def _write_data(folder: Path) -> None:
    folder.mkdir()
    (folder / "settlements.csv").write_text(SETTLEMENTS)
    (folder / "icd10.csv").write_text(CODES)
    (folder / "reasons.csv").write_bytes((CHECKOUT / "data" / "reasons.csv").read_bytes())
