"""Files for POST /v1/diagnoses/bulk, and its answers."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx2
import orjson
from sqlalchemy import func, select

from services.contracts.submissions import CSV_COLUMNS
from services.intake.adapters.tables import diagnoses
from services.intake.bootstrap import Intake
from tests.unit.intake.samples import child_body

NDJSON = {"Content-Type": "application/x-ndjson"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}


def ndjson(bodies: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE) for body in bodies)


def csv_row(number: int, **changes: str) -> dict[str, str]:
    body = child_body(number)
    return {
        "iin": body["child"]["iin"],
        "full_name": body["child"]["full_name"],
        "birth_date": body["child"]["birth_date"],
        "sex": "female",
        "guardian_name": body["guardian"]["full_name"],
        "guardian_phone": body["guardian"]["phone"],
        "icd10": "G80.1",
        "gmfcs": "III",
        "settlement_id": "almaty",
        "modalities": "inpatient;day_stay",
        "max_distance_km": "600",
        "priority": "",
    } | changes


def csv_file(rows: Iterable[dict[str, str]], columns: Iterable[str] = CSV_COLUMNS) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


async def send(client: httpx2.AsyncClient, content: bytes | AsyncIterator[bytes], **headers: str) -> list[Any]:
    answer = await client.post("/v1/diagnoses/bulk", content=content, headers=NDJSON | headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]


async def recorded(intake: Intake) -> int:
    return await intake.database.read(lambda s: s.execute(select(func.count()).select_from(diagnoses)).scalar_one())
