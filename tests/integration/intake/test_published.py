"""`POST /v1/published`, and the worker's side of it: which events are intake's own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from services.contracts.events import ConsentWithdrawnV1, DiagnosisRecordedV1, Payload, read_event
from services.contracts.published import MOST
from services.intake.adapters.tables import outbox
from services.intake.bootstrap import Intake
from services.kit.errors import TransientError
from services.kit.http.service_token import TokenFile
from services.referral.adapters.http_intake import HttpIntake
from tests.integration.intake.conftest import Client
from tests.unit.intake.samples import child_body


@pytest.fixture
async def worker(api: FastAPI, token: Callable[..., str], tmp_path: Path) -> AsyncIterator[HttpIntake]:
    """Intake as the referral worker has it."""
    own = tmp_path / "token"
    own.write_text(token("referral-worker"))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(api), base_url="http://intake") as client:
        yield HttpIntake(client, TokenFile(own))


async def written(intake: Intake) -> dict[str, Payload]:
    rows = await intake.database.read(lambda session: session.execute(select(outbox.rows.c.payload)).scalars().all())
    return {event.envelope.id: event.data for raw in rows if (event := read_event(raw))}


async def test_an_event_is_answered_as_it_was_written_and_another_id_is_missing(
    polyclinic: httpx2.AsyncClient, intake: Intake, worker: HttpIntake
) -> None:
    receipt = (await polyclinic.post("/v1/diagnoses", json=child_body())).json()
    await polyclinic.post(f"/v1/children/{receipt['child_id']}/withdraw-consent")
    own = await written(intake)
    assert [type(one) for one in own.values()] == [DiagnosisRecordedV1, ConsentWithdrawnV1]
    strange = [str(uuid4()), "no uuid", "\0", "x" * 10_000, next(iter(own)).upper()]
    found = await worker.published([*own, *strange])
    assert found == own


async def test_as_many_are_asked_for_at_once_as_a_batch_has(client: Client, worker: HttpIntake) -> None:
    assert await worker.published([str(uuid4()) for _ in range(MOST)]) == {}
    many = {"event_ids": [str(uuid4()) for _ in range(MOST + 1)]}
    assert (await client("referral-worker").post("/v1/published", json=many)).status_code == 422


@pytest.mark.parametrize("role", ["polyclinic", "center", "operator", "intake-api", "referral-api"])
async def test_nobody_else_is_answered(client: Client, role: str) -> None:
    answer = await client(role, "p1").post("/v1/published", json={"event_ids": []})
    assert answer.status_code == 403


@pytest.mark.parametrize("answer", [None, httpx2.Response(403), httpx2.Response(503), httpx2.Response(200, text="{}")])
async def test_what_is_no_answer_is_to_be_tried_again(tmp_path: Path, answer: httpx2.Response | None) -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        if answer is None:
            raise httpx2.ConnectError("refused", request=request)
        answer.request = request
        return answer

    own = tmp_path / "token"
    own.write_text("t")
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(respond), base_url="http://intake") as client:
        with pytest.raises(TransientError, match="intake"):
            await HttpIntake(client, TokenFile(own)).published([str(uuid4())])


async def test_a_token_that_intake_refuses_is_made_anew(tmp_path: Path) -> None:
    class Told(TokenFile):
        statuses: ClassVar[list[int]] = []

        def answered(self, status: int) -> None:
            self.statuses.append(status)

    own = tmp_path / "token"
    own.write_text("of a withdrawn key")
    transport = httpx2.MockTransport(lambda request: httpx2.Response(401, request=request))
    async with httpx2.AsyncClient(transport=transport, base_url="http://intake") as client:
        with pytest.raises(TransientError, match="401"):
            await HttpIntake(client, Told(own)).published([str(uuid4())])
    assert Told.statuses == [401], "by which the token is renewed before its time"
