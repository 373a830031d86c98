"""Submitting a diagnosis: check, draft, record."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from services.contracts.authority import Holder, actor
from services.contracts.days import day_of
from services.contracts.submissions import SubmissionRequest
from services.contracts.vocabulary import Role
from services.intake.domain.field_errors import FieldError
from services.intake.domain.validation import Reference, check_submission
from services.intake.handlers.access import Referrals, closed
from services.intake.handlers.drafts import Draft, Drafting, IdempotencyKey, KeyParts
from services.intake.handlers.outcomes import (
    Invalid,
    Met,
    OpenReferralExists,
    Outcome,
    PossibleDuplicate,
    Recorded,
    Unavailable,
    possible_duplicate,
)
from services.intake.handlers.parsing import SECONDS, Unparsed, every_error, parse
from services.kit.budget import TooMuchWork, budget
from services.kit.errors import TransientError

S = TypeVar("S", bound=SubmissionRequest)


class Submissions(Protocol):
    """The record of submissions. Raises TransientError while it cannot be read or written."""

    async def record(self, drafts: Sequence[Draft], closed: frozenset[UUID] = frozenset()) -> list[Outcome]:
        """One outcome a draft, in order, durable when it returns; drafts may refuse each other.

        The referrals in `closed` are over: in the same transaction their children are free for another.
        """
        ...

    async def siblings(self, referral_ids: Collection[UUID]) -> set[UUID]:
        """These and the others of the same children, as far as they are known as open."""
        ...

    async def audit_refusals(self, referral_ids: Collection[UUID]) -> None:
        """Enter in the audit log that a submission was refused because of these referrals."""
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
    referrals: Referrals
    drafting: Drafting
    reference: Reference
    now: Callable[[], datetime]

    async def submit(self, body: bytes, submitter: Holder, key: str | None) -> Outcome | Invalid:
        """The outcome of one submission as JSON, durable. Raises TransientError while the record fails."""
        draft = self.read(
            lambda: parse(SubmissionRequest, body), submitter, self.now(), lambda _: (key,) if key else None
        )
        return await self.refuse(draft) if isinstance(draft, Refusal) else (await self.record([draft]))[0]

    def check(self, body: bytes, submitter: Holder) -> Draft | Invalid:
        """What would be recorded of one submission as JSON, or its errors; nothing is recorded."""
        read = self.read(lambda: parse(SubmissionRequest, body), submitter, self.now(), lambda _: None)
        return read.invalid if isinstance(read, Refusal) else read

    async def record(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """One outcome a draft, in order, durable, with its warnings. Raises TransientError while the record fails.

        Only of referrals that a draft has met the referral service is asked whether they are over.
        """
        outcomes = await self.submissions.record(drafts)
        if any(map(met_by, outcomes)):
            outcomes = await self._look_again(drafts, outcomes)
            if met := {one.referral_id for each in outcomes if _refused(each) for one in met_by(each)}:
                await self.submissions.audit_refusals(met)
        return [_with_warnings(draft, outcome) for draft, outcome in zip(drafts, outcomes, strict=True)]

    async def _look_again(self, drafts: Sequence[Draft], outcomes: list[Outcome]) -> list[Outcome]:
        """The outcomes by what the referral service knows now; while it does not answer, of the refused none."""
        met = {one.referral_id for outcome in outcomes for one in met_by(outcome)}
        try:
            over = closed(await self.referrals.ask(await self.submissions.siblings(met)))
        except TransientError:
            return [Unavailable() if _refused(one) else one for one in outcomes]
        refused = [draft for draft, one in zip(drafts, outcomes, strict=True) if _refused(one)]
        if not over or not refused:
            return [_without(one, over) for one in outcomes]
        again = iter(await self.submissions.record(refused, over))
        return [_without(next(again) if _refused(one) else one, over) for one in outcomes]

    def read(
        self, parse: Callable[[], S], submitter: Holder, at: datetime, key: Callable[[S], KeyParts | None]
    ) -> Draft | Refusal:
        """The draft of what `parse` reads, or its refusal: for its errors, or when it takes longer than SECONDS."""
        try:
            with budget(SECONDS):
                try:
                    submission = parse()
                except Unparsed as error:
                    return Refusal(Invalid(every_error(error, day_of(at), self.reference)))
                return self._draft(submission, submitter, at, key(submission))
        except TooMuchWork:
            return Refusal(Invalid((FieldError.of("body", "too_much_work"),)))

    def _draft(
        self, submission: SubmissionRequest, submitter: Holder, at: datetime, key: KeyParts | None
    ) -> Draft | Refusal:
        """The draft of a submission that arrived at `at`, or its refusal by the rules of that day."""
        digests = self.drafting.key(submitter.org, key, submission) if key else None
        if errors := check_submission(submission, day_of(at), self.reference, strict=submission.strict):
            return Refusal(Invalid(tuple(errors)), digests)
        return self.drafting.draft(submission, submitter.org, at, digests, actor(submitter, Role.POLYCLINIC))

    async def refuse(self, refusal: Refusal) -> Outcome | Invalid:
        """The outcome of a refused submission. Raises TransientError while the record fails."""
        return (refusal.key and await self.submissions.replay(refusal.key)) or refusal.invalid


def met_by(outcome: Outcome) -> tuple[Met, ...]:
    """The open referrals that decided the outcome, or are to be warned of."""
    return outcome.met if isinstance(outcome, Recorded | OpenReferralExists | PossibleDuplicate) else ()


def tells_of_another(outcome: object) -> bool:
    """Whether the outcome tells the asker that another polyclinic has a referral, which it does not name."""
    if not isinstance(outcome, Recorded | OpenReferralExists | PossibleDuplicate):
        return False
    return bool(outcome.met) and not outcome.named


def _refused(outcome: Outcome) -> bool:
    return isinstance(outcome, OpenReferralExists | PossibleDuplicate)


def _without(outcome: Outcome, over: frozenset[UUID]) -> Outcome:
    """What was recorded is not warned of referrals that are over."""
    if not isinstance(outcome, Recorded) or not outcome.met:
        return outcome
    return replace(outcome, met=tuple(one for one in outcome.met if one.referral_id not in over))


def _with_warnings(draft: Draft, outcome: Outcome) -> Outcome:
    if not isinstance(outcome, Recorded) or not (draft.warnings or outcome.met):
        return outcome
    alike = (possible_duplicate(outcome.referral_id, outcome.met),) if outcome.met else ()
    return replace(outcome, warnings=draft.warnings + alike)
