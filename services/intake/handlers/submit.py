"""Submitting a diagnosis: check, draft, record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from services.contracts.days import day_of
from services.contracts.submissions import SubmissionRequest
from services.intake.domain.field_errors import FieldError
from services.intake.domain.validation import Reference, check_submission
from services.intake.handlers.drafts import Draft, Drafting, IdempotencyKey, KeyParts
from services.intake.handlers.outcomes import Invalid, Outcome, Recorded
from services.intake.handlers.parsing import SECONDS, Unparsed, every_error, parse
from services.kit.budget import TooMuchWork, budget

S = TypeVar("S", bound=SubmissionRequest)


class Submissions(Protocol):
    """The record of submissions. Raises TransientError while it cannot be read or written."""

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome a draft, in order, durable when it returns; drafts may refuse each other."""
        ...

    async def replay(self, key: IdempotencyKey) -> Outcome | None:
        """The outcome of the first request that recorded something under `key`, if there was one."""
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """Errors by the rules of today; a repeated request still gets what was recorded under its key."""

    invalid: Invalid
    key: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class Submitting:
    """Submissions of polyclinics. `now` is the current moment (aware, in whole milliseconds)."""

    submissions: Submissions
    drafting: Drafting
    reference: Reference
    now: Callable[[], datetime]

    async def submit(self, body: bytes, polyclinic_id: str, key: str | None) -> Outcome | Invalid:
        """The outcome of one submission as JSON, durable. Raises TransientError while the record fails."""
        draft = self.read(
            lambda: parse(SubmissionRequest, body), polyclinic_id, self.now(), lambda _: (key,) if key else None
        )
        return await self.refuse(draft) if isinstance(draft, Refusal) else (await self.record([draft]))[0]

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome a draft, in order, durable, with its warnings. Raises TransientError while the record fails."""
        outcomes = await self.submissions.record(drafts)
        return [
            replace(outcome, warnings=draft.warnings + outcome.warnings)
            if draft.warnings and isinstance(outcome, Recorded)
            else outcome
            for draft, outcome in zip(drafts, outcomes, strict=True)
        ]

    def read(
        self, parse: Callable[[], S], polyclinic_id: str, at: datetime, key: Callable[[S], KeyParts | None]
    ) -> Draft | Refusal:
        """The draft of what `parse` reads, or its refusal: for its errors, or when it takes longer than SECONDS."""
        try:
            with budget(SECONDS):
                try:
                    submission = parse()
                except Unparsed as error:
                    return Refusal(Invalid(every_error(error, day_of(at), self.reference)))
                return self._draft(submission, polyclinic_id, at, key(submission))
        except TooMuchWork:
            return Refusal(Invalid((FieldError.of("body", "too_much_work"),)))

    def _draft(
        self, submission: SubmissionRequest, polyclinic_id: str, at: datetime, key: KeyParts | None
    ) -> Draft | Refusal:
        """The draft of a submission that arrived at `at`, or its refusal by the rules of that day."""
        digests = self.drafting.key(polyclinic_id, key, submission) if key else None
        if errors := check_submission(submission, day_of(at), self.reference, strict=submission.strict):
            return Refusal(Invalid(tuple(errors)), digests)
        return self.drafting.draft(submission, polyclinic_id, at, digests)

    async def refuse(self, refusal: Refusal) -> Outcome | Invalid:
        """The outcome of a refused submission. Raises TransientError while the record fails."""
        return (refusal.key and await self.submissions.replay(refusal.key)) or refusal.invalid
