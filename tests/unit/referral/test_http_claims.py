"""Capacity over HTTP: which answers are transient, and which permanent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from services.contracts.claims import ClaimChange, ClaimRequest, DataVersion
from services.kit.errors import PermanentError, TransientError
from services.kit.http.service_token import TokenFile
from services.referral.adapters.http_capacity import HttpCapacity, Rebuilding
from tests.unit.referral.samples import NOW

VERSION = {"epoch": "1", "sequence": 5}
REQUEST = ClaimRequest(referral_id=UUID(int=1), attempt=1, rank=1, candidates=(("a",),), at=NOW)
RESULT = {"referral_id": str(UUID(int=1)), "attempt": 1, "state": "held", "programme_id": "a"}


def claims(answer: Callable[[httpx2.Request], httpx2.Response], token: Path | None = None) -> HttpCapacity:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://capacity")
    return HttpCapacity(client, TokenFile(token))


def answering(status: int, body: Any) -> HttpCapacity:
    return claims(lambda _: httpx2.Response(status, json=body))


async def test_a_claim_is_sent_whole_and_its_answer_read(tmp_path: Path) -> None:
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={"results": [RESULT], "data_version": VERSION})

    (tmp_path / "token").write_text("secret\n")
    results, version = await claims(answer, tmp_path / "token").claim([REQUEST], DataVersion(epoch="1", sequence=4))
    assert (results[0].programme_id, version.sequence) == ("a", 5)
    assert sent[0].headers["authorization"] == "Bearer secret"
    assert b'"seen":{"epoch":"1","sequence":4}' in sent[0].content


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_an_answer_that_a_repeat_will_not_change_is_permanent(status: int) -> None:
    with pytest.raises(PermanentError, match="capacity refused"):
        await answering(status, {"code": "validation_failed"}).claim([REQUEST], None)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
async def test_a_fault_that_passes_is_transient(status: int) -> None:
    with pytest.raises(TransientError, match=str(status)):
        await answering(status, {"code": "unavailable"}).claim([REQUEST], None)


async def test_capacity_without_its_data_is_transient_and_noted() -> None:
    noted: list[str] = []
    capacity = answering(503, {"code": "rebuilding"})
    capacity.on_rebuilding = lambda: noted.append("rebuilding")
    with pytest.raises(Rebuilding):
        await capacity.claim([REQUEST], None)
    for body in ({"code": "unavailable"}, ["rebuilding"], "rebuilding", {}):
        capacity = answering(503, body)
        capacity.on_rebuilding = lambda: noted.append("not this")
        with pytest.raises(TransientError, match="503"):
            await capacity.claim([REQUEST], None)
    assert noted == ["rebuilding"]


@pytest.mark.parametrize(
    "body",
    [
        {"results": [], "data_version": VERSION},
        {"results": [RESULT | {"referral_id": str(UUID(int=2))}], "data_version": VERSION},
        {"results": [RESULT, RESULT], "data_version": VERSION},
        {"results": [RESULT]},
        "welcome to the network",
    ],
)
async def test_an_answer_to_something_else_places_nobody(body: Any) -> None:
    with pytest.raises(TransientError):
        await answering(200, body).claim([REQUEST], None)


async def test_a_strange_answer_to_a_release_is_transient() -> None:
    with pytest.raises(TransientError):
        await answering(302, {}).release([ClaimChange(referral_id=UUID(int=1), attempt=1)], None)


async def test_while_nobody_answers_it_is_transient(tmp_path: Path) -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    for broken in (claims(refuse), claims(refuse, tmp_path / "no-token-yet")):
        with pytest.raises(TransientError):
            await broken.claim([REQUEST], None)
