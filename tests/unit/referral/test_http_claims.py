"""Capacity over HTTP: which answers mean "again", and which mean "never"."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from services.contracts.claims import ClaimRequest, DataVersion
from services.kit.errors import PermanentError, TransientError
from services.kit.http.auth import ServiceToken
from services.referral.adapters.http_capacity import HttpClaims
from tests.unit.referral.samples import NOW

MARK = {"epoch": "1", "sequence": 5}
REQUEST = ClaimRequest(referral_id=UUID(int=1), attempt=1, rank=1, candidates=(("a",),), at=NOW)
RESULT = {"referral_id": str(UUID(int=1)), "attempt": 1, "state": "held", "programme_id": "a"}


def claims(answer: Callable[[httpx2.Request], httpx2.Response], token: Path | None = None) -> HttpClaims:
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), base_url="http://capacity")
    return HttpClaims(client, ServiceToken(token))


def answering(status: int, body: Any) -> HttpClaims:
    return claims(lambda _: httpx2.Response(status, json=body))


async def test_a_claim_is_sent_whole_and_its_answer_read(tmp_path: Path) -> None:
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json={"results": [RESULT], "mark": MARK})

    (tmp_path / "token").write_text("secret\n")
    results, mark = await claims(answer, tmp_path / "token").claim([REQUEST], DataVersion(epoch="1", sequence=4))
    assert (results[0].programme_id, mark.sequence) == ("a", 5)
    assert sent[0].headers["authorization"] == "Bearer secret"
    assert b'"seen":{"epoch":"1","sequence":4}' in sent[0].content


@pytest.mark.parametrize("status", [400, 409, 413, 422])
async def test_what_will_never_be_taken_is_permanent(status: int) -> None:
    with pytest.raises(PermanentError, match="capacity refused"):
        await answering(status, {"code": "validation_failed"}).claim([REQUEST], None)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503])
async def test_what_passes_is_tried_again(status: int) -> None:
    with pytest.raises(TransientError, match=str(status)):
        await answering(status, {"code": "rebuilding"}).claim([REQUEST], None)


@pytest.mark.parametrize(
    "body",
    [
        {"results": [], "mark": MARK},
        {"results": [RESULT | {"referral_id": str(UUID(int=2))}], "mark": MARK},
        {"results": [RESULT, RESULT], "mark": MARK},
        {"results": [RESULT]},
        "welcome to the network",
    ],
)
async def test_an_answer_to_something_else_places_nobody(body: Any) -> None:
    with pytest.raises(TransientError):
        await answering(200, body).claim([REQUEST], None)


async def test_a_strange_answer_to_a_release_is_tried_again() -> None:
    with pytest.raises(TransientError):
        await answering(302, {}).release(UUID(int=1), 1, None)


async def test_while_nobody_answers_it_is_tried_again(tmp_path: Path) -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    for broken in (claims(refuse), claims(refuse, tmp_path / "no-token-yet")):
        with pytest.raises(TransientError):
            await broken.claim([REQUEST], None)
