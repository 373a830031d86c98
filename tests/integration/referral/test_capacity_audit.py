"""Who reads a queue at capacity, or is sent steps, is in the referral service's audit log; else nothing is shown."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from services.capacity.adapters.http_audit_log import HttpAuditLog
from services.capacity.adapters.redis_connection import open_scripts
from services.capacity.bootstrap import Capacity, redis_store, running
from services.capacity.entrypoints.api import make_app, subject_verifier
from services.capacity.settings import CapacitySettings
from services.contracts.reference import read_regions
from services.kit.http.service_token import TokenFile
from services.referral.settings import ReferralSettings
from tests.integration.referral.conftest import Token
from tests.integration.referral.country import Country
from tests.support.eventually import eventually
from tests.support.http_rules import assert_every_route_describes_the_purpose

Client = Callable[..., httpx2.AsyncClient]
ENTRIES = "/v1/audit-log/entries"
ENTRY = {
    "act": "show_queue", "subject": "oper-3", "role": "operator", "org": "", "purpose": "coordination",
    "address": "10.0.0.7", "detail": {"count": 2},
}  # fmt: skip


class Reads:
    """Capacity, over a referral service that may be away: `ask` reads by a role, `entries` are those about it."""

    def __init__(self, token: Token, operator: httpx2.AsyncClient, referral: FastAPI) -> None:
        self.token, self.operator = token, operator
        self.here, self.away = httpx2.ASGITransport(referral), httpx2.AsyncHTTPTransport()
        self.to_referral = httpx2.AsyncClient(transport=self.here, base_url="http://127.0.0.1:1")
        self.log: HttpAuditLog
        self.capacity: Capacity
        self.app: FastAPI
        self.client: httpx2.AsyncClient

    def take_away(self) -> None:
        """From now on the log's address is a port on which nobody listens."""
        self.to_referral._transport = self.away

    def bring_back(self) -> None:
        self.to_referral._transport = self.here

    async def ask(self, path: str, role: str = "operator", org: str = "", **headers: str) -> httpx2.Response:
        own = {"Authorization": f"Bearer {self.token(role, org=org)}"}
        return await self.client.get(path, headers=own | headers)

    async def entries(self) -> list[dict[str, Any]]:
        items = (await self.operator.get("/v1/audit-log", params={"limit": 500})).json()["items"]
        return [one for one in items if one["detail"].get("entered_by") == "capacity-api"]

    async def findings(self) -> Any:
        return (await self.operator.get("/v1/audit-log/verify")).json()["findings"]

    @asynccontextmanager
    async def feed(self, role: str, org: str = "") -> AsyncIterator[None]:
        """An open feed, which ends behind the body."""
        task = asyncio.create_task(self.ask("/v1/capacity/feed", role, org))
        await eventually(lambda: self.capacity.feed.followers == 1, "the feed is open")
        yield
        self.capacity.feed.close()
        assert (await task).status_code == 200


@pytest.fixture
async def reads(
    settings: ReferralSettings, token: Token, api: FastAPI, operator: httpx2.AsyncClient, valkey: str, prefix: str,
    offered: Country, tmp_path: Path,
) -> AsyncIterator[Reads]:  # fmt: skip
    own = tmp_path / "capacity-token"
    own.write_text(token("capacity-api"))
    reads = Reads(token, operator, api)
    shared = settings.model_dump(include={"mode", "kafka_servers", "jwks", "issuer"})
    chosen = CapacitySettings(**shared, redis_url=valkey, key_prefix=prefix)
    reads.log = log = HttpAuditLog(reads.to_referral, TokenFile(own))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Capacity]:
        async with open_scripts(chosen) as scripts:
            async with running(
                redis_store(scripts, chosen.staleness), settings=chosen, audit_log=log
            ) as reads.capacity:
                yield reads.capacity
            await log.send_waiting()

    reads.app = app = make_app(opened, subject_verifier(chosen), read_regions(chosen.data)).public
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://capacity") as reads.client,
        reads.to_referral,
    ):
        yield reads


async def test_a_read_of_a_queue_is_an_entry_with_who_read_it_and_why_and_a_refused_one_too(reads: Reads) -> None:
    assert (await reads.ask("/v1/queues/near?limit=5")).status_code == 200
    assert (await reads.ask("/v1/queues/near", **{"Purpose-Of-Use": "compliance"})).status_code == 200
    assert (await reads.ask("/v1/queues/near", "center", "far")).status_code == 403
    assert (await reads.ask("/v1/queues/none%00such")).status_code == 404
    assert (await reads.ask("/v1/queues/near", **{"Purpose-Of-Use": "curiosity"})).status_code == 422
    found = await reads.entries()
    assert [(one["act"], one["person"], one["role"], one["org"], one["purpose"], one["refused"]) for one in found] == [
        ("show_queue", "operator-1", "operator", "", "coordination", None),
        ("show_queue", "operator-1", "operator", "", "compliance", None),
        ("show_queue", "center-1", "center", "far", "coordination", "forbidden"),
        ("show_queue", "operator-1", "operator", "", "coordination", "unknown_programme"),
    ]
    first = found[0]["detail"]
    assert (first["programme_id"], first["count"], first["filter"]) == ("near", 1, {"limit": "5"})
    assert found[0]["address"], "the address is that of who asked capacity"
    assert await reads.findings() == []


async def test_every_route_describes_the_purpose_and_refuses_another_one(reads: Reads) -> None:
    reads.client.headers["Authorization"] = f"Bearer {reads.token('operator')}"
    await assert_every_route_describes_the_purpose(reads.app, reads.client)


@pytest.mark.parametrize(("role", "org"), [("operator", ""), ("center", "near")])
async def test_a_feed_of_steps_is_entered_when_it_opens_and_when_it_ends(reads: Reads, role: str, org: str) -> None:
    async with reads.feed(role, org):
        (opened,) = await reads.entries()
        assert (opened["act"], opened["person"], opened["org"]) == ("follow", f"{role}-1", org)
        assert opened["detail"]["until"] > opened["at"], "without another entry it ends with its token"
    await reads.log.send_waiting()
    _, ended = await reads.entries()
    assert (ended["act"], ended["detail"]["feed"]) == ("end_feed", opened["detail"]["feed"])
    assert ended["detail"]["ended_at"] >= opened["at"][:19]


async def test_without_an_entry_nothing_about_children_is_shown_and_figures_are(reads: Reads) -> None:
    reads.take_away()
    for path, role, org in (
        ("/v1/queues/near", "operator", ""), ("/v1/queues/near", "center", "near"),
        ("/v1/queues/near", "center", "far"), ("/v1/capacity/feed", "operator", ""),
        ("/v1/capacity/feed", "center", "near"),
    ):  # fmt: skip
        refused = await reads.ask(path, role, org)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), (path, role)
    for _ in range(60):  # more than one token may have: a feed that was refused is not counted
        assert (await reads.ask("/v1/capacity/feed")).status_code == 503
    for path in ("/v1/capacity", "/v1/capacity/near"):
        assert (await reads.ask(path, "polyclinic", "p1")).status_code == 200
    async with reads.feed("polyclinic", "p1"):
        pass
    reads.bring_back()
    assert await reads.entries() == [], "figures are of nobody: neither they nor a feed of them is entered"


async def test_an_end_that_cannot_be_entered_at_once_is_entered_later(reads: Reads) -> None:
    async with reads.feed("operator"):
        reads.take_away()
    await reads.log.send_waiting()
    reads.bring_back()
    assert [one["act"] for one in await reads.entries()] == ["follow"]
    await reads.log.send_waiting()
    assert [one["act"] for one in await reads.entries()] == ["follow", "end_feed"]


async def test_the_person_is_named_here_and_the_process_that_brought_an_entry_cannot_hide(
    client: Client, operator: httpx2.AsyncClient
) -> None:
    capacity = client("capacity-api")
    iin = ENTRY | {"subject": "150101600019", "detail": {"entered_by": "nobody", "n\0": "\0"}}
    assert (await capacity.post(ENTRIES, json={"entries": [ENTRY, iin]})).status_code == 204
    plain, pseudonym = (await operator.get("/v1/audit-log")).json()["items"][:2]
    assert (plain["person"], plain["detail"]) == ("oper-3", {"count": 2, "entered_by": "capacity-api"})
    assert pseudonym["person"].startswith("p:"), "a subject that may be an IIN is named by the key, which is here"
    assert pseudonym["detail"]["entered_by"] == "capacity-api"
    assert (await operator.get("/v1/audit-log/verify")).json()["findings"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": "accept"}, {"act": "cut_audit_log"}, {"org": "x\0"}, {"subject": "x" * 256}, {"detail": {"n": 10**20}},
        {"detail": {"a": ["b"]}}, {"more": 1},
    ],
)  # fmt: skip
async def test_an_entry_of_another_form_or_act_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    answer = await client("capacity-api").post(ENTRIES, json={"entries": [ENTRY | wrong]})
    assert answer.status_code == 422, answer.text
