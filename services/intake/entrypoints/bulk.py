"""`/v1/diagnoses/bulk`: any number of submissions, a line each, in constant memory."""

from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from services.contracts.csv_rows import is_blank
from services.intake.bootstrap import Intake
from services.intake.entrypoints.access import Polyclinic, TheIntake
from services.intake.entrypoints.answers import result_line
from services.intake.entrypoints.bodies import LARGEST_FILE, expect_type, idempotency_key
from services.intake.entrypoints.openapi import BULK_REQUEST, BULK_RESPONSES
from services.intake.handlers.bulk import CHUNK, BulkRequest
from services.intake.handlers.formats import Csv, Ndjson, WrongHeader, begins_no_line
from services.intake.handlers.lines import Line, Lines
from services.kit.http.connections import allow_slow_body
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.messages import message

router = guarded_router(tags=["diagnoses"])
NDJSON, CSV = "application/x-ndjson", "text/csv"
IN_MEMORY = 1_000_000
"""Bytes of results; more are written to disk."""


@router.post(
    "/v1/diagnoses/bulk",
    summary="Submit many diagnoses, a line each",
    response_class=StreamingResponse,
    openapi_extra=BULK_REQUEST,
    responses=BULK_RESPONSES,
    max_body_size=LARGEST_FILE,
)
async def submit_bulk(request: Request, polyclinic: Polyclinic, intake: TheIntake) -> Response:
    """Record each line as `POST /v1/diagnoses` would, and answer with one result a line when all have been read.

    A line with errors is refused, and the others are recorded. With an `Idempotency-Key` a file sent again gets the
    first answers, line by line.
    """
    allow_slow_body(request.scope)
    media_type, key = expect_type(request, NDJSON, CSV), idempotency_key(request)
    results = SpooledTemporaryFile[bytes](IN_MEMORY)
    try:
        await _Upload(intake, polyclinic.org, key, results).read(request, media_type)
    except BaseException as error:
        results.close()
        if isinstance(error, ClientDisconnect):  # recorded lines stay recorded; the client is gone
            return Response(status_code=400)
        raise
    results.seek(0)
    return StreamingResponse(_parts(results), media_type=NDJSON)


class _Upload:
    """A bulk request while its body arrives. Results are sent after the end: many clients do not read while they send.

    After a wrong first line the body is still received, because a client that sends does not see an answer.
    """

    def __init__(self, intake: Intake, org: str, key: str | None, results: SpooledTemporaryFile[bytes]) -> None:
        self._intake, self._org, self._key, self._results = intake, org, key, results
        self._bulk: BulkRequest | None = None
        self._media_type = NDJSON
        self._wrong: Problem | None = None
        self._waiting: list[Line] = []

    async def read(self, request: Request, media_type: str) -> None:
        """Raises Problem 422 when the first line of a CSV is no header, or JSON is not one object a line."""
        self._media_type = media_type
        lines = Lines()
        async for part in request.stream():
            await self._process(lines.feed(part), CHUNK)
        await self._process(lines.end(), 1)
        if self._wrong:
            raise self._wrong

    async def _process(self, lines: Iterable[Line], least: int) -> None:
        """Process `lines` in chunks, as long as `least` of them wait."""
        if self._wrong:
            return
        self._waiting += (one for one in lines if self._media_type == NDJSON or not is_blank(one.raw or b"?"))
        if self._waiting and self._bulk is None and self._media_type == NDJSON and begins_no_line(self._waiting[0].raw):
            self._wrong = Problem.of_field("body", "json_not_lines", message("json_not_lines"))
        elif self._waiting and self._bulk is None:
            try:
                format = Ndjson() if self._media_type == NDJSON else Csv(self._waiting.pop(0).raw or b"")
                self._bulk = BulkRequest(self._intake.submitting, self._org, format, self._key)
            except WrongHeader as error:
                self._wrong = Problem.of_field(error.column, "wrong_header", error.message)
        while self._bulk and len(self._waiting) >= least:
            chunk, self._waiting = self._waiting[:CHUNK], self._waiting[CHUNK:]
            self._results.write(b"".join(map(result_line, await self._bulk.process(chunk))))


def _parts(results: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with results:
        while part := results.read(65_536):
            yield part
