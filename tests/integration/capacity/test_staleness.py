"""JOLDAMA_STALE_AFTER_DAYS: after how many days the list, answers and events call a figure stale."""

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.bootstrap import redis_store, utc_now
from services.capacity.domain.feed import FeedMessage
from services.capacity.entrypoints.api import app_of
from services.capacity.ports import Store
from services.capacity.settings import CapacitySettings
from services.contracts.events import PlaceHeldV1
from tests.integration.capacity.api_client import MadeUpTokens, client_of
from tests.integration.capacity.network import claim, open_programme, opening, referral, steps


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, valkey: str, prefix: str) -> CapacitySettings:
    """Read from the environment, as a process reads them."""
    for name, value in (
        ("MODE", "local"), ("KAFKA_SERVERS", "127.0.0.1:1"), ("REDIS_URL", valkey), ("KEY_PREFIX", prefix),
        ("STALE_AFTER_DAYS", "2"),
    ):  # fmt: skip
        monkeypatch.setenv(f"JOLDAMA_{name}", value)
    return CapacitySettings()


@pytest.fixture
def two_days(settings: CapacitySettings, scripts: RedisScripts) -> Store:
    return redis_store(scripts, settings.staleness)


async def open_all(store: Store, now: datetime) -> None:
    """`old` was confirmed three days ago, `new` one day ago, and `unset` never."""
    await open_programme(store, "old", 3, confirmed_at=now - timedelta(days=3))
    await open_programme(store, "new", 3, confirmed_at=now - timedelta(days=1))
    await open_programme(store, "unset", 0, version=0, confirmed_at=None)


async def test_the_list_and_every_answer_honor_it(settings: CapacitySettings, two_days: Store) -> None:
    await open_all(two_days, utc_now())
    app = app_of(settings).inside
    app.state.verifier = MadeUpTokens()
    async with app.router.lifespan_context(app), client_of(app, "operator+referral-worker") as service:
        listed = (await service.get("/v1/capacity")).json()["items"]
        of_center = (await service.get("/v1/capacity/center-1")).json()["items"]
        looked_up = (await service.post("/v1/claims/lookup", json={"referral_ids": [str(referral(1))]})).json()
        pages = [(await service.get("/v1/claims")).json()]
        while cursor := pages[-1]["next"]:
            pages.append((await service.get(f"/v1/claims?cursor={cursor}")).json())
        again = opening("old", 3, confirmed_at=utc_now() - timedelta(days=3)).model_dump_json()
        opened = (await service.put("/v1/programmes/old", content=again)).json()
    for figures in (listed, of_center, looked_up["figures"], pages[-1]["figures"]):
        stale = {one["programme_id"]: one["stale"] for one in figures}
        assert stale == {"old": True, "new": False, "unset": True}
    assert opened["stale"] is True


async def test_events_honor_it(two_days: Store) -> None:
    now = utc_now()
    await open_all(two_days, now)
    for number, name in enumerate(("old", "new"), 1):
        await claim(two_days, number, name, at=now)
        await claim(two_days, number + 10, name, at=now + timedelta(days=1, seconds=1))
    emitted = await steps(two_days)
    found = [(one.data, FeedMessage(one).public) for one in emitted if isinstance(one.data, PlaceHeldV1)]
    stale = [(data.key, data.stale) for data, _ in found]
    assert stale == [("old", True), ("old", True), ("new", None), ("new", True)]
    assert [b'"stale":true' in sent for _, sent in found] == [True, True, False, True]


async def test_seven_days_are_the_default_and_less_than_one_is_refused(
    settings: CapacitySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = utc_now()
    assert settings.staleness(now - timedelta(days=2, seconds=1), now)
    assert not settings.staleness(now - timedelta(days=2), now)
    monkeypatch.delenv("JOLDAMA_STALE_AFTER_DAYS")
    assert CapacitySettings().stale_after_days == 7
    for days in ("0", "-1", "soon"):
        monkeypatch.setenv("JOLDAMA_STALE_AFTER_DAYS", days)
        with pytest.raises(ValidationError, match="stale_after_days"):
            CapacitySettings()
