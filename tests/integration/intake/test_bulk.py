"""POST /v1/diagnoses/bulk on a real database."""

import asyncio
import dataclasses
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest
from sqlalchemy import select

from services.contracts.days import day_of
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import ReferralState
from services.intake.adapters.tables import outbox
from services.intake.bootstrap import Intake, bootstrap
from services.intake.handlers.bulk import CHUNK, BulkRequest
from services.intake.handlers.formats import Ndjson
from services.intake.handlers.lines import Line
from services.intake.handlers.outcomes import OpenReferralExists, Recorded, Unavailable
from services.intake.settings import IntakeSettings
from services.kit.errors import TransientError
from services.kit.http.auth import Principal
from tests.integration.intake.bulk_files import NDJSON, ndjson, recorded, send
from tests.integration.intake.conftest import Client, ReferralsInMemory
from tests.unit.intake.samples import child_body


async def test_each_line_has_its_own_result_in_order(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    lines = [
        orjson.dumps(child_body(1)),
        b"",
        orjson.dumps(child_body(2, diagnosis__icd10="X")),
        b"{broken",
        b'{"child": "\xff"}',
        orjson.dumps(child_body(1)),
        orjson.dumps(child_body(3, child__full_name="a" * 70_000)),
        b"[]",
        orjson.dumps(child_body(4)),
    ]
    results = await send(polyclinic, b"\n".join(lines))
    assert [(one["line"], one["status"], one.get("code")) for one in results] == [
        (1, 201, None),
        (3, 422, "validation_failed"),
        (4, 422, "validation_failed"),
        (5, 422, "validation_failed"),
        (6, 409, "open_referral_exists"),
        (7, 422, "validation_failed"),
        (8, 422, "validation_failed"),
        (9, 201, None),
    ]
    assert results[4]["referral_id"] == results[0]["referral_id"]
    errors = {one["line"]: [(e["field"], e["code"]) for e in one["errors"]] for one in results if "errors" in one}
    assert errors == {
        3: [("diagnosis.icd10", "unknown_icd10")],
        4: [("body", "json_invalid")],
        5: [
            ("child", "invalid_utf8"),
            ("guardian", "missing"),
            ("diagnosis", "missing"),
            ("settlement_id", "missing"),
            ("modalities", "missing"),
        ],
        7: [("line", "too_long")],
        8: [("body", "model_type")],
    }
    assert await recorded(intake) == 2


async def test_a_recorded_line_can_be_read_and_its_event_is_in_the_outbox(
    polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    results = await send(polyclinic, ndjson(child_body(n) for n in range(CHUNK + 20)))
    assert {one["status"] for one in results} == {201}
    for one in (results[0], results[-1]):
        answer = (await polyclinic.get(f"/v1/diagnoses/{one['referral_id']}")).json()
        assert answer["child"] == child_body(one["line"] - 1)["child"]
    keys = await intake.database.read(
        lambda s: list(s.execute(select(outbox.rows.c.key).order_by(outbox.rows.c.sequence)).scalars())
    )
    assert keys == [one["referral_id"] for one in results]


async def test_a_file_sent_again_is_refused_line_by_line_with_the_open_referrals(
    polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    first = await send(polyclinic, ndjson(child_body(n) for n in range(5)))
    again = await send(polyclinic, ndjson(child_body(n) for n in range(6)))
    assert [one["status"] for one in again] == [409] * 5 + [201]
    assert [one["referral_id"] for one in again[:5]] == [one["referral_id"] for one in first]


async def test_a_file_sent_again_under_its_key_gets_the_first_answers_even_for_newborns(
    polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    today = day_of(datetime.now(UTC)).isoformat()
    bodies = [child_body(1), child_body(2, child__iin=None, child__birth_date=today), child_body(3)]
    key = {"Idempotency-Key": "file-1"}
    first, again = [await send(polyclinic, ndjson(bodies), **key) for _ in range(2)]
    assert [one["status"] for one in first] == [201, 201, 201]
    assert again == [one | {"replayed": True} for one in first]
    changed = await send(polyclinic, ndjson([bodies[0], child_body(2, settlement_id="astana")]), **key)
    assert [(one["status"], one.get("code")) for one in changed] == [(201, None), (422, "idempotency_key_reused")]
    assert await recorded(intake) == 3


async def test_the_keys_of_bodies_lines_and_files_never_clash(polyclinic: httpx2.AsyncClient, intake: Intake) -> None:
    for number, key in enumerate(("k", "k:1", "file", "line")):
        one = await polyclinic.post("/v1/diagnoses", json=child_body(number), headers={"Idempotency-Key": key})
        assert one.status_code == 201
    results = await send(polyclinic, ndjson([child_body(4)]), **{"Idempotency-Key": "k"})
    own = [child_body(5) | {"idempotency_key": "k"}, child_body(6) | {"idempotency_key": "k:1"}]
    results += await send(polyclinic, ndjson(own * 2), **{"Idempotency-Key": "k"})
    results += await send(polyclinic, ndjson([child_body(7)]), **{"Idempotency-Key": "k:1"})
    assert [(one["status"], one.get("replayed", False)) for one in results] == [
        (201, False), (201, False), (201, False), (201, True), (201, True), (201, False),
    ]  # fmt: skip
    assert await recorded(intake) == 8


async def test_a_child_whose_referral_is_closed_keeps_its_id(
    referrals: ReferralsInMemory, polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    (first,) = await send(polyclinic, ndjson([child_body(1)]))
    referrals.set(first, ReferralState.COMPLETED)
    second, third = await send(polyclinic, ndjson([child_body(1), child_body(2)]))
    assert (second["child_id"], second["status"]) == (first["child_id"], 201)
    assert third["child_id"] != first["child_id"]
    assert [len(ids) for ids in referrals.asked] == [1], "one question a chunk, about what it met only"
    answer = await polyclinic.get(f"/v1/diagnoses/{second['referral_id']}")
    assert answer.json()["child"] == child_body(1)["child"]


@pytest.mark.parametrize("start", [b"[\n", b"\xef\xbb\xbf[", b"{\n"])
async def test_json_that_is_not_one_object_a_line_is_one_message(
    polyclinic: httpx2.AsyncClient, intake: Intake, start: bytes
) -> None:
    answer = await polyclinic.post("/v1/diagnoses/bulk", content=start + ndjson([child_body(1)] * 3), headers=NDJSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "json_not_lines")
    assert await recorded(intake) == 0


async def test_another_media_type_is_refused(polyclinic: httpx2.AsyncClient) -> None:
    answer = await polyclinic.post("/v1/diagnoses/bulk", json=[child_body()])
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_batch_that_is_retried_after_a_lost_answer_is_recorded_once(intake: Intake) -> None:
    """The second time the batch fails on its constraints, and each submission is tried alone."""
    submitting = intake.submitting
    today = day_of(submitting.now()).isoformat()
    bodies = [child_body(1), child_body(2, child__iin=None, child__birth_date=today), child_body(1)]
    drafts = [
        submitting.drafting.draft(DiagnosisSubmission.model_validate(body), "p1", submitting.now()) for body in bodies
    ]
    first, again = [await submitting.submissions.record(drafts) for _ in range(2)]
    assert first == again
    assert [type(one) for one in again] == [Recorded, Recorded, OpenReferralExists]
    assert await recorded(intake) == 2


def submitter(org: str) -> Principal:
    return Principal(f"doctor of {org}", frozenset({"polyclinic"}), org)


async def test_two_processes_with_the_same_file_record_each_child_once(
    referrals: ReferralsInMemory, intake: Intake, settings: IntakeSettings
) -> None:
    lines = [Line(n, orjson.dumps(child_body(n))) for n in range(300)]
    async with bootstrap(settings, referrals=referrals) as second:
        bulks = [
            BulkRequest(one.submitting, submitter(f"p{n}"), Ndjson()) for n, one in enumerate((intake, second) * 2)
        ]
        parts = [lines[:200], lines[199::-1], lines[100:], lines[:99:-1]]
        results = await asyncio.gather(*(one.process(part) for one, part in zip(bulks, parts, strict=True)))
    outcomes = [result.outcome for some in results for result in some]
    taken = [one for one in outcomes if isinstance(one, Recorded)]
    refused = [one for one in outcomes if isinstance(one, OpenReferralExists)]
    assert (len(taken), len(refused), await recorded(intake)) == (300, 500, 300)
    assert {one.met[0].referral_id for one in refused} <= {one.referral_id for one in taken}


class Failing:
    """A record that fails for a while."""

    def __init__(self, inner: Any, times: int) -> None:
        self.inner, self.times = inner, times

    async def record(self, drafts: Any, closed: frozenset[UUID] = frozenset()) -> Any:
        if self.times > 0:
            self.times -= 1
            raise TransientError("database: down")
        return await self.inner.record(drafts, closed)


@pytest.mark.parametrize(("times", "outcome"), [(3, Recorded), (99, Unavailable)])
async def test_a_failing_database_is_retried_and_then_each_line_is_answered_unavailable(
    intake: Intake, times: int, outcome: type
) -> None:
    pauses: list[float] = []

    async def no_pause(seconds: float) -> None:
        pauses.append(seconds)

    failing: Any = Failing(intake.submitting.submissions, times)
    bulk = BulkRequest(
        dataclasses.replace(intake.submitting, submissions=failing), submitter("p1"), Ndjson(), sleep=no_pause
    )
    results = await bulk.process([Line(1, orjson.dumps(child_body(1)))])
    assert isinstance(results[0].outcome, outcome)
    assert len(pauses) == min(times, 4)


async def test_without_the_referral_service_the_lines_that_met_a_referral_are_answered_503_and_the_others_taken(
    referrals: ReferralsInMemory, client: Client, polyclinic: httpx2.AsyncClient, intake: Intake
) -> None:
    await send(polyclinic, ndjson([child_body(1)]))
    referrals.away = True
    results = await send(client("polyclinic", "p2"), ndjson([child_body(1), child_body(2)]))
    assert [(one["status"], one.get("code")) for one in results] == [(503, "unavailable"), (201, None)]
    assert await recorded(intake) == 2


async def test_another_polyclinic_s_referral_has_no_id_in_a_bulk_answer(
    client: Client, polyclinic: httpx2.AsyncClient
) -> None:
    (first,) = await send(polyclinic, ndjson([child_body(1)]))
    (foreign,), (own,) = [await send(one, ndjson([child_body(1)])) for one in (client("polyclinic", "p2"), polyclinic)]
    assert foreign.keys() == {"line", "status", "code", "detail"}
    assert first["referral_id"] not in str(foreign)
    assert first["child_id"] not in str(foreign)
    assert own["referral_id"] == first["referral_id"]
