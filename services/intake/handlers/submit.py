"""Taking submissions: check, draft, record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.contracts.submissions import DiagnosisSubmission
from services.intake.domain.validation import Reference, check_submission
from services.intake.handlers.drafts import Draft, Drafting, IdempotencyKey, Moment
from services.intake.handlers.outcomes import Invalid, Outcome
from services.intake.handlers.parsing import Unparsed, every_error, parse


class Submissions(Protocol):
    """The record of what was submitted."""

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome a draft, in order, durable when it returns; drafts may refuse each other."""
        ...

    async def replay(self, key: IdempotencyKey) -> Outcome | None:
        """The first answer to `key`, if there was one."""
        ...


@dataclass(frozen=True, slots=True)
class Submitting:
    """`now` answers the current moment (aware)."""

    submissions: Submissions
    drafting: Drafting
    reference: Reference
    now: Callable[[], datetime]

    async def submit_raw(self, body: bytes, polyclinic_id: str, key: str | None) -> Outcome | Invalid:
        """One submission as JSON."""
        try:
            submission = parse(DiagnosisSubmission, body)
        except Unparsed as error:
            return Invalid(every_error(error, self.moment().today, self.reference))
        return await self.submit(submission, polyclinic_id, key)

    async def submit(self, submission: DiagnosisSubmission, polyclinic_id: str, key: str | None) -> Outcome | Invalid:
        """One submission. Raises TransientError while the record cannot be written."""
        moment = self.moment()
        digests = self.drafting.key(polyclinic_id, key, submission) if key else None
        errors = check_submission(submission, moment.today, self.reference)
        if errors:  # a repeat gets its first answer even when the rules would refuse it by today
            first = await self.submissions.replay(digests) if digests else None
            return first or Invalid(tuple(errors))
        draft = self.drafting.draft(submission, polyclinic_id, moment, digests)
        return (await self.submissions.record([draft]))[0]

    def moment(self) -> Moment:
        return Moment.of(self.now())
