"""Taking many submissions: some hundred lines are one transaction, and each line has its own result."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from services.intake.domain.validation import FieldError, check_submission
from services.intake.handlers.drafts import Draft, IdempotencyKey, Moment
from services.intake.handlers.formats import BulkSubmission, Format
from services.intake.handlers.lines import LONGEST, Line
from services.intake.handlers.outcomes import Invalid, Outcome, Unavailable
from services.intake.handlers.parsing import Unparsed, every_error
from services.intake.handlers.submit import Submitting
from services.kit.errors import TransientError

CHUNK = 500
"""Lines of one transaction."""
PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds between tries while the database fails; then the lines are answered 503, and may be sent again."""

BulkOutcome = Outcome | Invalid | Unavailable


@dataclass(frozen=True, slots=True)
class LineResult:
    number: int
    outcome: BulkOutcome


@dataclass(frozen=True, slots=True)
class _Refused:
    """By the rules of today; the first answer to its key would still be given."""

    invalid: Invalid
    key: IdempotencyKey


@dataclass
class BulkTaking:
    """One bulk request of one polyclinic. Line n without a key of its own has `file_key:n` when there is a file key."""

    submitting: Submitting
    polyclinic_id: str
    format: Format
    file_key: str | None = None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _failing: bool = False

    async def take(self, lines: Sequence[Line]) -> list[LineResult]:
        """One result a line, in order; what was taken is durable."""
        checked = await asyncio.to_thread(self._prepare, lines)
        drafts = [one for one in checked if isinstance(one, Draft)]
        recorded = iter(await self._record(drafts))
        return [
            LineResult(line.number, next(recorded) if isinstance(one, Draft) else await self._refused(one))
            for line, one in zip(lines, checked, strict=True)
        ]

    def _prepare(self, lines: Sequence[Line]) -> list[Draft | Invalid | _Refused]:
        moment = self.submitting.moment()
        return [self._check(line, moment) for line in lines]

    def _check(self, line: Line, moment: Moment) -> Draft | Invalid | _Refused:
        if line.raw is None:
            return Invalid((FieldError("line", "too_long", f"has more than {LONGEST} bytes"),))
        submitting = self.submitting
        try:
            submission = self.format.read(line.raw)
        except Unparsed as error:
            return self._invalid(every_error(error, moment.today, submitting.reference))
        key = self._key(submission, line.number)
        if errors := check_submission(submission, moment.today, submitting.reference):
            invalid = self._invalid(errors)
            return _Refused(invalid, key) if key else invalid
        return submitting.drafting.draft(submission, self.polyclinic_id, moment, key)

    def _key(self, submission: BulkSubmission, number: int) -> IdempotencyKey | None:
        key = submission.idempotency_key or (f"{self.file_key}:{number}" if self.file_key else None)
        return self.submitting.drafting.key(self.polyclinic_id, key, submission) if key else None

    def _invalid(self, errors: Sequence[FieldError]) -> Invalid:
        return Invalid(tuple(replace(error, field=self.format.name(error.field)) for error in errors))

    async def _refused(self, refused: Invalid | _Refused) -> BulkOutcome:
        if isinstance(refused, Invalid):
            return refused
        try:
            return await self.submitting.submissions.replay(refused.key) or refused.invalid
        except TransientError:
            return Unavailable()

    async def _record(self, drafts: Sequence[Draft]) -> Sequence[BulkOutcome]:
        if not drafts:
            return []
        for pause in () if self._failing else PAUSES:
            try:
                return await self.submitting.submissions.record(drafts)
            except TransientError:
                await self.sleep(pause)
        try:
            outcomes = await self.submitting.submissions.record(drafts)
        except TransientError:
            self._failing = True
            return [Unavailable()] * len(drafts)
        self._failing = False
        return outcomes
