"""`/v1/diagnoses/bulk`: submissions of any number, a line each, in constant memory."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from services.intake.bootstrap import Intake
from services.intake.entrypoints.access import Polyclinic, TheIntake
from services.intake.entrypoints.answers import result_line
from services.intake.entrypoints.bodies import expect_type, idempotency_key
from services.intake.entrypoints.examples import BULK_BODY, BULK_RESPONSES
from services.intake.handlers.bulk import CHUNK, BulkTaking
from services.intake.handlers.formats import Csv, Format, Ndjson, WrongHeader
from services.intake.handlers.lines import Line, Lines
from services.kit.http.problems import Problem

log = structlog.get_logger()
router = APIRouter(tags=["diagnoses"])
NDJSON, CSV = "application/x-ndjson", "text/csv"
IN_MEMORY = 1_000_000
"""Bytes of results beyond which they lie on disk."""


@router.post(
    "/v1/diagnoses/bulk",
    summary="Submit many diagnoses, a line each",
    response_class=StreamingResponse,
    openapi_extra=BULK_BODY,
    responses=BULK_RESPONSES,
)
async def submit_bulk(request: Request, polyclinic: Polyclinic, intake: TheIntake) -> Response:
    """Record each line as `POST /v1/diagnoses` would, and answer with one result a line when all have been read.

    A line is refused by itself. With an `Idempotency-Key` a file sent again gets the first answers, line by line.
    """
    media_type, key = expect_type(request, NDJSON, CSV), idempotency_key(request)
    results = SpooledTemporaryFile[bytes](IN_MEMORY)
    try:
        await _Upload(intake, polyclinic.org, key, results).read(request, media_type)
    except BaseException as error:
        results.close()
        if isinstance(error, ClientDisconnect):  # what was recorded stays; nobody is there to be told
            return Response(status_code=400)
        raise
    results.seek(0)
    return StreamingResponse(_parts(results), media_type=NDJSON)


class _Upload:
    """One request on its way in. Results wait until it has been read: many clients do not read while they send."""

    def __init__(self, intake: Intake, org: str, key: str | None, results: SpooledTemporaryFile[bytes]) -> None:
        self._intake, self._org, self._key, self._results = intake, org, key, results
        self._taking: BulkTaking | None = None
        self._waiting: list[Line] = []

    async def read(self, request: Request, media_type: str) -> None:
        """Raises Problem 422 when the first line of a CSV is no header."""
        if media_type == NDJSON:
            self._begin(Ndjson())
        lines, wrong = Lines(), None
        async for part in request.stream():
            if wrong is None:  # else read on to the end: who still sends does not see an answer
                self._waiting += lines.feed(part)
                try:
                    await self._take(CHUNK)
                except WrongHeader as error:
                    wrong = error
        if wrong is None:
            self._waiting += lines.end()
            try:
                return await self._take(1)
            except WrongHeader as error:
                wrong = error
        raise Problem.of_field(wrong.column, "wrong_header", wrong.message) from None

    async def _take(self, least: int) -> None:
        if self._waiting and self._taking is None:
            self._begin(Csv(self._waiting.pop(0).raw or b""))
        while self._taking and len(self._waiting) >= least:
            chunk, self._waiting = self._waiting[:CHUNK], self._waiting[CHUNK:]
            taken = await self._taking.take(chunk)
            self._results.write(b"".join(map(result_line, taken)))

    def _begin(self, format: Format) -> None:
        self._taking = BulkTaking(self._intake.submitting, self._org, format, self._key)


def _parts(results: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with results:
        while part := results.read(65_536):
            yield part
