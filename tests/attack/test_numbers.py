"""Numbers that Lua cannot count, in requests and in the store: no place is held by them, and nothing stands still."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from redis import Redis

from services.contracts.vocabulary import PROCESSES
from services.local.issuer import issue_token
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

NUMBERS = ["100000000000000", "6.4e33", "9007199254740993", "1e400", "-1e14", "1.5", "NaN", "Infinity", "-9" * 40]
PREFIX = "{joldama}:"


@pytest.fixture(scope="module")
def service(country: RunningNetwork) -> Iterator[httpx2.Client]:
    token = issue_token(country.home, PROCESSES)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with httpx2.Client(base_url=country.inside("capacity"), headers=headers, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def operator(country: RunningNetwork) -> Iterator[httpx2.Client]:
    with httpx2.Client(headers=country.headers("operator"), timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def redis(country: RunningNetwork) -> Iterator[Redis]:
    with Redis.from_url(country.plan.redis_url) as redis:
        yield redis


def figures(service: httpx2.Client) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = service.get("/v1/capacity", params={"limit": 1000}).json()["items"]
    return items


def bodies(number: str, programme: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Method, path and body of each route that takes numbers, with `number` in the place of one."""
    one = {"referral_id": str(uuid4()), "attempt": 1, "rank": 1, "candidates": [[programme["programme_id"]]]}
    claim = one | {"at": "2026-03-02T09:00:00Z"}
    place = {name: programme[name] for name in ("programme_id", "center_id", "region_id", "modality", "places")}
    opening = place | {"version": programme["version"], "confirmed_at": None}
    change = {"referral_id": one["referral_id"], "attempt": "X"}
    seen = {"epoch": "1", "sequence": "X"}
    waits = {"waiting": [{"referral_id": one["referral_id"], "attempt": 1, "rank": "X"}]}
    restored = {"referral_id": one["referral_id"], "attempt": "X", "state": "held", "programme_ids": ["a"]}
    for method, path, body in (
        ("POST", "/v1/claims/batch", {"claims": [claim | {"attempt": "X"}]}),
        ("POST", "/v1/claims/batch", {"claims": [claim | {"rank": "X"}]}),
        ("POST", "/v1/claims/batch", {"claims": [claim | {"at": "X"}]}),
        ("POST", "/v1/claims/batch", {"claims": [claim], "seen": seen}),
        ("POST", "/v1/claims/occupy", {"changes": [change]}),
        ("POST", "/v1/claims/release", {"changes": [change]}),
        ("PUT", f"/v1/programmes/{programme['programme_id']}", opening | {"places": "X"}),
        ("PUT", f"/v1/programmes/{programme['programme_id']}", opening | {"version": "X"}),
        ("PUT", f"/v1/programmes/{programme['programme_id']}", opening | {"confirmed_at": "X"}),
        ("PUT", f"/v1/programmes/{programme['programme_id']}", opening | waits),
        ("POST", "/v1/rebuild", {"epoch": "X"}),
        ("PUT", "/v1/rebuild/programmes", {"epoch": "1", "programmes": [opening | {"version": "X"}]}),
        ("PUT", "/v1/rebuild/claims", {"epoch": "1", "claims": [restored]}),
    ):
        yield method, path, json.dumps(body).replace('"X"', number)


def test_a_number_that_cannot_be_counted_is_refused_on_every_route_and_holds_nothing(service: httpx2.Client) -> None:
    before = figures(service)
    for number in NUMBERS:
        for method, path, body in bodies(number, before[0]):
            answer = service.request(method, path, content=body)
            assert answer.status_code == 422, (path, body, answer.text)
    assert figures(service) == before


def test_such_a_number_in_a_query_or_a_cursor_is_refused(service: httpx2.Client) -> None:
    programme = figures(service)[0]["programme_id"]
    for number in NUMBERS:
        for position in (f'["1",{number},0]', f'["1",0,{number}]', f'["{number}",0,0]', f'[{number},"{uuid4()}"]'):
            cursor = base64.urlsafe_b64encode(position.encode()).decode()
            for path in ("/v1/claims", f"/v1/queues/{programme}"):
                answer = service.get(path, params={"cursor": cursor})
                assert answer.status_code in (403, 422) or answer.json()["code"] == "rebuilding", (path, position)
        for query in ({"epoch": "1", "sequence": number}, {"epoch": number, "sequence": "1"}):
            answer = service.get("/v1/rebuild", params=query)
            assert answer.status_code == 422, (query, answer.text)


def test_an_unreadable_entry_and_claim_stop_nobody_are_named_by_the_audit_and_mended_by_its_repair(
    country: RunningNetwork, service: httpx2.Client, operator: httpx2.Client, redis: Redis
) -> None:
    programme = next(one for one in figures(service) if one["free"] > 2)["programme_id"]
    stranger = uuid4()
    redis.set(f"{PREFIX}claim:{stranger}", f"1e+14 held 1 {programme}")
    stored: Any = redis.hmget(f"{PREFIX}programmes", "@epoch", "@sequence")
    epoch, sequence = stored
    entry = f"{epoch.decode()}-{int(sequence) + 1}"
    fields: Any = {"type": "held", "at": "1", "attempt": "6.4e+33", "referral": "", "programme": programme}
    redis.xadd(f"{PREFIX}events", fields, id=entry)
    redis.hset(f"{PREFIX}programmes", "@sequence", str(int(sequence) + 1))
    claim = {"referral_id": str(uuid4()), "attempt": 1, "rank": 1, "candidates": [[programme]]}
    body = {"claims": [claim | {"at": "2026-03-02T09:00:00Z"}]}
    assert service.post("/v1/claims/batch", content=json.dumps(body)).json()["results"][0]["state"] == "held"
    release = {"changes": [{"referral_id": claim["referral_id"], "attempt": 1}]}
    assert service.post("/v1/claims/release", content=json.dumps(release)).status_code == 200
    newest = service.get("/v1/capacity", params={"limit": 1}).json()["last_event_id"]
    relayed = f"{PREFIX}relay:checkpoints"
    wait_until(lambda: redis.hget(relayed, "relayed") == newest.encode(), "the relay has gone on behind the entry")
    assert httpx2.get(f"{country.inside('capacity-relay')}/readyz").status_code == 200
    metrics = httpx2.get(f"{country.inside('capacity-relay')}/metrics").text
    assert 'joldama_capacity_unreadable_total{what="step"} ' in metrics
    feed_of = f"{country.url('capacity')}/v1/capacity/feed"
    with operator.stream("GET", feed_of, headers={"Last-Event-ID": entry}) as feed:
        assert feed.status_code == 200
    audit = operator.get(f"{country.url('referral')}/v1/audit")
    assert audit.status_code == 200, audit.text
    assert (str(stranger), "claim_unreadable") in {
        (one["referral_id"], one["kind"]) for one in audit.json()["differences"]
    }
    repaired = operator.post(f"{country.url('referral')}/v1/audit/repair")
    assert repaired.status_code == 200, repaired.text
    assert repaired.json()["audit"]["differences"] == []
    assert redis.get(f"{PREFIX}claim:{stranger}") is None
