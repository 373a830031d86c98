"""`/v1/dead-letters`, as every service with consumers has it."""

import base64

import httpx2
import orjson
import pytest
from fastapi import FastAPI

from services.kit.dead_letters.dead_letter import LARGEST
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.kafka.consumed_record import ConsumedRecord
from tests.integration.referral.conftest import Client

EVENT = {"specversion": "1.0", "id": "e1", "type": "kz.joldama.diagnosis.recorded.v1", "subject": "r1", "data": {}}
NOBODY = "/v1/dead-letters/019a2b3c-0000-7000-8000-000000000001"


def message(number: int, value: bytes | None = b"poison") -> ConsumedRecord:
    return ConsumedRecord("joldama.diagnoses.v1", 0, number, b"key-%d" % number, value)


@pytest.fixture
async def repository(api: FastAPI) -> DeadLetterRepository:
    found: DeadLetterRepository = api.state.dead_letters
    return found


async def listed(client: httpx2.AsyncClient, **params: str | int) -> tuple[list[dict[str, object]], int, str | None]:
    answer = await client.get("/v1/dead-letters", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"], int(answer.headers["X-Total-Count"]), answer.json()["next"]


async def test_the_list_shows_what_is_open_with_its_reason_and_pages(
    repository: DeadLetterRepository, operator: httpx2.AsyncClient
) -> None:
    for number in range(3):
        await repository.store("referral-worker", message(number), f"reason {number}")
    first, total, cursor = await listed(operator, limit=2)
    assert cursor
    rest, _, end = await listed(operator, limit=2, cursor=cursor)
    assert [(one["key"], one["reason"], one["state"]) for one in first + rest] == [
        (f"key-{n}", f"reason {n}", "open") for n in range(3)
    ]
    assert (total, end) == (3, None)
    assert first[0]["allowed_actions"] == ["retry", "discard"]
    assert "message_value" not in first[0]
    assert await listed(operator, state="settled") == ([], 0, None)
    for wrong in ("nonsense", "WzFd"):
        assert (await operator.get("/v1/dead-letters", params={"cursor": wrong})).json()["code"] == "invalid_cursor"


async def test_a_letter_shows_its_message_as_text_or_base64_and_what_event_it_is(
    repository: DeadLetterRepository, operator: httpx2.AsyncClient
) -> None:
    for number, value in enumerate((orjson.dumps(EVENT), b"\xff\x00", None, b"x" * LARGEST, b'{"id": 1, "type": "t"}')):
        await repository.store("referral-worker", message(number, value), "why")
    found = [(await operator.get(f"/v1/dead-letters/{one['id']}")).json() for one in (await listed(operator))[0]]
    assert found[0]["event"] == {"id": "e1", "type": EVENT["type"], "subject": "r1"}
    assert orjson.loads(found[0]["message_value"]["data"]) == EVENT
    assert found[0]["message_key"] == {"encoding": "text", "data": "key-0"}
    assert found[1]["message_value"] == {"encoding": "base64", "data": base64.b64encode(b"\xff\x00").decode()}
    assert [one["event"] for one in found[1:]] == [None] * 4
    assert (found[2]["message_value"], found[2]["size"]) == (None, 5)
    assert (found[3]["message_value"], found[3]["size"]) == (None, LARGEST + 5)
    refused = await operator.post(f"/v1/dead-letters/{found[3]['id']}/retry")
    assert (refused.status_code, refused.json()["allowed_actions"]) == (409, ["discard"])


async def test_a_decision_repeated_is_answered_as_the_first_and_another_is_refused(
    repository: DeadLetterRepository, operator: httpx2.AsyncClient
) -> None:
    await repository.store("referral-worker", message(1), "why")
    path = f"/v1/dead-letters/{(await listed(operator))[0][0]['id']}"
    first = await operator.post(f"{path}/retry")
    assert (first.status_code, first.json()["state"]) == (200, "retrying")
    assert first.json()["decided_by"].startswith("operator:")
    assert (await operator.post(f"{path}/retry")).json() == first.json()
    refused = (await operator.post(f"{path}/discard", json={"reason": "no patience"})).json()
    assert (refused["code"], refused["state"], refused["allowed_actions"]) == ("illegal_transition", "retrying", [])


async def test_discarding_needs_a_reason_that_names_nobody(
    repository: DeadLetterRepository, operator: httpx2.AsyncClient
) -> None:
    await repository.store("referral-worker", message(1), "why")
    path = f"/v1/dead-letters/{(await listed(operator))[0][0]['id']}"
    for body in (
        {},
        {"reason": ""},
        {"reason": "  "},
        {"reason": "call +7 701 123 45 67"},
        {"reason": "x", "who": "me"},
    ):
        refused = await operator.post(f"{path}/discard", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed"), body
        assert refused.json()["errors"][0]["field"] in ("reason", "who")
    done = (await operator.post(f"{path}/discard", json={"reason": "planted by a test"})).json()
    assert (done["state"], done["note"], done["allowed_actions"]) == ("discarded", "planted by a test", ["retry"])
    assert (await operator.post(f"{path}/discard", json={"reason": "again"})).json() == done
    assert (await operator.post(f"{path}/retry")).json()["state"] == "retrying"


async def test_only_operators_and_administrators_see_and_decide(client: Client) -> None:
    calls = [
        ("GET", "/v1/dead-letters", None), ("GET", NOBODY, None),
        ("POST", f"{NOBODY}/retry", None), ("POST", f"{NOBODY}/discard", {"reason": "x"}),
    ]  # fmt: skip
    for method, path, body in calls:
        for who in ("polyclinic", "center", "referral-api"):
            assert (await client(who, org="o").request(method, path, json=body)).status_code == 403
        assert (await client().request(method, path, json=body)).status_code == 401
    for who in ("operator", "admin"):
        for method, path, body in calls[1:]:
            answer = await client(who).request(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
