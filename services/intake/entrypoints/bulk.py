"""`/v1/diagnoses/bulk`: any number of submissions, a line each, in constant memory."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from services.contracts.csv_rows import is_blank
from services.intake.bootstrap import Intake
from services.intake.entrypoints.access import Polyclinic, TheIntake
from services.intake.entrypoints.answers import may_be_told, refused_line, result_line
from services.intake.entrypoints.bodies import LARGEST_FILE, Parts, expect_type, idempotency_key
from services.intake.entrypoints.openapi import BULK_REQUEST, BULK_RESPONSES
from services.intake.handlers.bulk import CHUNK, CHUNK_BYTES, BulkRequest, LineResult
from services.intake.handlers.formats import Csv, Ndjson, WrongHeader, begins_no_line
from services.intake.handlers.lines import Line, Lines
from services.kit.audit import TRAIL, note, recorded
from services.kit.http.auditing import audited
from services.kit.http.auth import Principal
from services.kit.http.connections import allow_slow_body
from services.kit.http.problems import Problem
from services.kit.http.routes import guarded_router
from services.kit.messages import message

log = structlog.get_logger()
router = guarded_router(tags=["diagnoses"])
NDJSON, CSV = "application/x-ndjson", "text/csv"
HELD = 4 * 1024 * 1024
"""Bytes of results that wait in memory for the end of the file; when there are more, they are sent meanwhile."""
PART = 64 * 1024
"""Bytes that are sent at a time."""
STALLED = 60.0
"""Seconds that a client may take to read a part; then its connection ends, and no more of its lines are read."""


@router.post(
    "/v1/diagnoses/bulk",
    summary="Submit many diagnoses, a line each",
    response_class=StreamingResponse,
    openapi_extra=BULK_REQUEST,
    responses=BULK_RESPONSES,
    max_body_size=LARGEST_FILE,
)
@audited(apart=True)
async def submit_bulk(request: Request, polyclinic: Polyclinic, intake: TheIntake) -> Response:
    """Record each line as `POST /v1/diagnoses` would, and answer with one result a line.

    A line with errors is refused, and the others are recorded. With an `Idempotency-Key` a file sent again gets the
    first answers, line by line. The answer begins at the end of the file, or when there are 4 MB of results: who sends
    more than 10,000 lines reads while sending, for without that no more lines are read.
    """
    allow_slow_body(request.scope)
    media_type, key = expect_type(request, NDJSON, CSV), idempotency_key(request)
    recorded()
    results = _Upload(request, intake, polyclinic, key, media_type).results()
    try:
        first = await anext(results, b"")
    except ClientDisconnect:  # recorded lines stay recorded; the client is gone
        return Response(status_code=400)
    return _Results(_after(first, results))


class _Upload:
    """A bulk request while its body arrives. Results are held back, because many clients do not read while they send.

    After a wrong first line the body is still received, because a client that sends does not see an answer.
    """

    def __init__(
        self, request: Request, intake: Intake, polyclinic: Principal, key: str | None, media_type: str
    ) -> None:
        self._request = request
        self._intake, self._polyclinic, self._key = intake, polyclinic, key
        self._bulk: BulkRequest | None = None
        self._media_type = media_type
        self._wrong: Problem | None = None
        self._waiting: list[Line] = []
        self._outcomes: Counter[str] = Counter()
        self._bytes = 0
        self._held = bytearray()

    async def results(self) -> AsyncGenerator[bytes]:
        """The results in parts, none before HELD bytes or the end of the body.

        Raises Problem 422 when the first line of a CSV is no header, or JSON is not one object a line, and
        ClientDisconnect when the client has left.
        """
        lines = Lines()
        async with Parts(self._request) as parts:
            async for part in parts:
                if self._wrong:
                    continue
                for line in lines.feed(part):
                    self._take(line)
                    while self._is_full() and not self._wrong:
                        await self._process(parts)
                        if len(self._held) >= HELD:
                            yield self._release()
            for line in lines.end():
                self._take(line)
            while self._waiting and not self._wrong:
                await self._process(parts)
                if len(self._held) >= HELD:
                    yield self._release()
        if self._wrong:
            raise self._wrong
        await self._enter()
        yield self._release()

    async def _enter(self) -> None:
        """The request's own entry of the audit log; each child that it recorded or asked for has one already."""
        note(dict(self._outcomes))
        if trail := TRAIL.get():
            await self._intake.audit_trail.writer.record(trail.entry())

    def _take(self, line: Line) -> None:
        if self._media_type == NDJSON or not is_blank(line.raw or b"?"):
            self._waiting.append(line)
            self._bytes += len(line.raw or b"")

    def _is_full(self) -> bool:
        return len(self._waiting) >= CHUNK or self._bytes >= CHUNK_BYTES

    def _release(self) -> bytes:
        held, self._held = bytes(self._held), bytearray()
        return held

    async def _process(self, parts: Parts) -> None:
        """Process the first of the lines that wait. Raises ClientDisconnect."""
        await parts.expect_client()
        if self._bulk is None:
            self._begin()
        if self._bulk and self._waiting:
            results = await self._bulk.process(self._waiting)
            self._drop(len(results))
            self._outcomes.update(type(one.outcome).__name__ for one in results)
            self._held += b"".join([await self._line(one) for one in results])

    async def _line(self, result: LineResult) -> bytes:
        """The line's result; that another polyclinic has the child is told as seldom as look-ups are answered."""
        try:
            told = await may_be_told(self._request, result.outcome)
        except Problem as too_many:
            return refused_line(result.number, too_many)
        return result_line(LineResult(result.number, told))

    def _drop(self, count: int) -> list[Line]:
        """The first of the lines that wait, which wait no longer."""
        first, self._waiting = self._waiting[:count], self._waiting[count:]
        self._bytes -= sum(len(one.raw or b"") for one in first)
        return first

    def _begin(self) -> None:
        if self._media_type == NDJSON and begins_no_line(self._waiting[0].raw):
            self._wrong = Problem.of_field("body", "json_not_lines", message("json_not_lines"))
            return
        try:
            format = Ndjson() if self._media_type == NDJSON else Csv(self._drop(1)[0].raw or b"")
        except WrongHeader as error:
            self._wrong = Problem.of_field(error.column, "wrong_header", error.message)
        else:
            submitting = self._intake.submitting
            self._bulk = BulkRequest(submitting, self._polyclinic, format, self._key, self._intake.bulk_turn)


async def _after(first: bytes, others: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Both, in parts that are sent one by one."""
    async with aclosing(others):
        while first:
            for start in range(0, len(first), PART):
                yield first[start : start + PART]
            first = await anext(others, b"")


class _Results(StreamingResponse):
    """An answer that is sent while the body is received, as fast as the client reads it."""

    def __init__(self, parts: AsyncGenerator[bytes]) -> None:
        super().__init__(parts, media_type=NDJSON)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def in_time(message: Message) -> None:
            async with asyncio.timeout(STALLED):
                await send(message)

        async with aclosing(self._parts):
            try:
                await self.stream_response(in_time)
            except (ClientDisconnect, TimeoutError) as error:  # the answer ends without its end
                log.warning("bulk.client_gone", reason=type(error).__name__)
