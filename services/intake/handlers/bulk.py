"""Bulk submission: some hundred lines are one transaction, and each line has its own result."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.contracts.authority import Holder
from services.intake.domain.field_errors import FieldError
from services.intake.handlers.drafts import Draft, KeyParts
from services.intake.handlers.formats import BulkSubmission, Csv, Format
from services.intake.handlers.lines import LONGEST, Line
from services.intake.handlers.outcomes import Invalid, Outcome, Recorded, Unavailable
from services.intake.handlers.submit import Refusal, Submitting
from services.kit.errors import TransientError
from services.kit.messages import message

CHUNK = 500
"""Lines of one transaction."""
CHUNK_BYTES = 1024 * 1024
"""Of the lines of one transaction, unless it is one line."""
CHUNK_SECONDS = 0.25
"""Of the processor, for reading the lines of one transaction: with those that are read by then it is written."""
PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds between tries while the database fails. After the last, the lines are answered 503."""

BulkOutcome = Outcome | Invalid


@dataclass(frozen=True, slots=True)
class LineResult:
    number: int
    outcome: BulkOutcome


@dataclass
class BulkRequest:
    """One polyclinic's bulk request. With a `file_key`, line n has a key of that and n unless it names its own.

    `turn` is shared by all requests of the process: one reads its lines at a time.
    """

    submitting: Submitting
    submitter: Holder
    format: Format
    file_key: str | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _failing: bool = False

    async def process(self, lines: Sequence[Line]) -> list[LineResult]:
        """The results of the first of `lines`, at least one, in order; recorded lines are durable."""
        async with self.turn:
            drafts = await asyncio.to_thread(self._draft_first, lines)
        recorded = iter(await self._record([one for one in drafts if isinstance(one, Draft)]))
        return [
            LineResult(line.number, next(recorded) if isinstance(one, Draft) else await self._refuse(one))
            for line, one in zip(lines, drafts, strict=False)  # the other lines are read next time
        ]

    def _draft_first(self, lines: Sequence[Line]) -> list[Draft | Refusal]:
        at, end = self.submitting.now(), time.thread_time() + CHUNK_SECONDS
        if isinstance(self.format, Csv):
            self.format.look_through(line.raw for line in lines if line.raw)
        drafts: list[Draft | Refusal] = []
        for line in lines:
            drafts.append(self._draft(line, at))
            if time.thread_time() > end:
                break
        return drafts

    def _draft(self, line: Line, at: datetime) -> Draft | Refusal:
        if (raw := line.raw) is None:
            return Refusal(Invalid((FieldError("line", "too_long", message("line_too_long", longest=LONGEST)),)))
        return self.submitting.read(
            lambda: self.format.read(raw), self.submitter, at, lambda submission: self._key(submission, line)
        )

    def _key(self, submission: BulkSubmission, line: Line) -> KeyParts | None:
        if submission.idempotency_key:
            return ("line", submission.idempotency_key)
        return ("file", self.file_key, str(line.number)) if self.file_key else None

    async def _refuse(self, refusal: Refusal) -> BulkOutcome:
        try:
            outcome = await self.submitting.refuse(refusal)
        except TransientError:
            return Unavailable()
        return Invalid(self._named(outcome.errors)) if isinstance(outcome, Invalid) else outcome

    def _in_this_format(self, outcome: BulkOutcome) -> BulkOutcome:
        if isinstance(outcome, Recorded) and outcome.warnings:
            return replace(outcome, warnings=self._named(outcome.warnings))
        return outcome

    def _named(self, errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
        """The errors with the names that their fields have in this format."""
        return tuple(replace(error, field=self.format.name(error.field)) for error in errors)

    async def _record(self, drafts: Sequence[Draft]) -> Sequence[BulkOutcome]:
        """The outcomes; a chunk after one that failed to the end is tried once only."""
        if not drafts:
            return []
        for pause in (None,) if self._failing else (*PAUSES, None):
            try:
                outcomes = await self.submitting.record(drafts)
            except TransientError:
                if pause is not None:
                    await self.sleep(pause)
            else:
                self._failing = False
                return [self._in_this_format(one) for one in outcomes]
        self._failing = True
        return [Unavailable()] * len(drafts)
