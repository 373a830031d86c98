"""Correcting what was submitted: a merge patch on the data as it is, checked as a submission is."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from services.contracts.authority import Holder, actor
from services.contracts.days import day_of
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Role
from services.intake.domain.field_errors import FieldError
from services.intake.domain.validation import Reference, check_submission, warn_of
from services.intake.handlers.access import Referrals, closed
from services.intake.handlers.drafts import Draft, Drafting, write_submission
from services.intake.handlers.outcomes import Invalid
from services.intake.handlers.parsing import SECONDS, Unparsed, every_error, read_json, shape
from services.intake.handlers.read import DiagnosisRecord
from services.kit.budget import TooMuchWork, budget
from services.kit.versions import Expected

Patch = Mapping[str, Any]
"""A JSON merge patch (RFC 7396): what it does not name stays as it is, and null removes."""


class Correction(StrEnum):
    """A kind of correction, as the audit names it, and by which key it finds diagnoses."""

    DIAGNOSIS = "diagnosis.correct"
    """By referral id."""
    CHILD = "child.correct"
    """By child id: in all of its referrals that are the polyclinic's own."""

    @property
    def parts(self) -> frozenset[str]:
        """The parts of a submission that it may change."""
        child = frozenset({"child", "guardian"})
        return child if self is Correction.CHILD else frozenset(DiagnosisSubmission.model_fields) - child


class Refused(Exception):
    """The correction is invalid."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("not a correction")
        self.invalid = Invalid(tuple(errors))


class IinTaken(Exception):
    """Another child has the IIN; the polyclinic may be told `child_id` when the child is its `own`."""

    def __init__(self, child_id: UUID, *, own: bool) -> None:
        super().__init__("another child has this IIN")
        self.child_id, self.own = child_id, own


class SharedChild(Exception):
    """Another polyclinic has referrals of the child, and knows it by its IIN."""

    def __init__(self, child_id: UUID) -> None:
        super().__init__("another polyclinic has referrals of this child")
        self.child_id = child_id


class Corrections(Protocol):
    """The recorded submissions, as they are corrected."""

    async def ids(self, kind: Correction, key: UUID) -> list[UUID]:
        """The referrals that `key` finds, whoever has them."""
        ...

    async def correct(
        self,
        editor: Holder,
        kind: Correction,
        key: UUID,
        expected: Expected,
        draft: Callable[[DiagnosisRecord], Draft | None],
        closed: frozenset[UUID],
        at: datetime,
    ) -> list[DiagnosisRecord]:
        """Replace the diagnoses of the polyclinic `editor.org` by their drafts (None: unchanged), newest first.

        The referrals in `closed` are over. Durable with the audit and the events when it returns; empty when the
        polyclinic has none. Raises VersionMoved, IinTaken, SharedChild, and what `draft` raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class Corrected:
    """The records as they are now, newest first; empty when the polyclinic has none.

    `fields` are the dotted paths that this correction changed; `warnings` are those of the newest, as at submission.
    """

    records: list[DiagnosisRecord]
    fields: tuple[str, ...] = ()
    warnings: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Correcting:
    """Corrections by the polyclinic that submitted the data."""

    corrections: Corrections
    referrals: Referrals
    drafting: Drafting
    reference: Reference
    now: Callable[[], datetime]

    async def correct(
        self, editor: Holder, kind: Correction, key: UUID, body: bytes, expected: Expected, *, check: bool = False
    ) -> Corrected:
        """What was corrected; with `check` the correction is judged only.

        Raises Refused, as above, and TransientError while the referral service does not answer.
        """
        patch, at, by = _patch(body, kind), self.now(), actor(editor, Role.POLYCLINIC)
        fields: dict[UUID, tuple[str, ...]] = {}

        def draft(record: DiagnosisRecord) -> Draft | None:
            try:
                with budget(SECONDS):
                    corrected, submission = self._judge(record, patch)
            except TooMuchWork:
                raise Refused([FieldError.of("body", "too_much_work")]) from None
            if check or not corrected:
                return None
            fields[record.referral_id] = corrected
            draft = self.drafting.draft(submission, record.polyclinic_id, record.submitted_at)
            self.drafting.correct(draft, record.referral_id, record.key, record.version + 1, corrected, at, by)
            return draft

        over = closed(await self.referrals.ask(await self.corrections.ids(kind, key)))
        records = await self.corrections.correct(editor, kind, key, expected, draft, over, at)
        warnings = warn_of(records[0].submission) if records and kind is Correction.CHILD else ()
        return Corrected(records, tuple(sorted(set().union(*fields.values()))), tuple(warnings))

    def _judge(self, record: DiagnosisRecord, patch: Patch) -> tuple[tuple[str, ...], DiagnosisSubmission]:
        """The fields that change, and the corrected submission, by the rules of the day on which it was submitted."""
        before = json.loads(write_submission(record.submission))
        day, reference = day_of(record.submitted_at), self.reference
        if record.submission.consent is None:  # submitted when none was needed
            reference = replace(reference, consent_required=False)
        try:
            submission = shape(DiagnosisSubmission, merged(before, patch))
        except Unparsed as error:
            raise Refused(every_error(error, day, reference)) from None
        if errors := check_submission(submission, day, reference):
            raise Refused(errors)
        if record.submission.child.iin and submission.child.iin is None:
            raise Refused(
                [FieldError("child.iin", "iin_required", "the child has one: it may be corrected, not removed")]
            )
        return changed(before, json.loads(write_submission(submission))), submission


def _patch(body: bytes, kind: Correction) -> Patch:
    """Raises Refused unless the body is an object of parts that `kind` corrects."""
    try:
        patch = read_json(body)
    except Unparsed as error:
        raise Refused(error.errors) from None
    if not isinstance(patch, dict) or not patch:
        names = ", ".join(sorted(kind.parts))
        raise Refused([FieldError("body", "nothing_to_correct", f"must be an object with what is to be: {names}")])
    other = Correction.DIAGNOSIS if kind is Correction.CHILD else Correction.CHILD
    where = {Correction.CHILD: "/v1/children/{child_id}", Correction.DIAGNOSIS: "/v1/diagnoses/{referral_id}"}[other]
    wrong = [name for name in patch if name in other.parts]
    if wrong:
        raise Refused([FieldError(name, "other_path", f"is corrected by PATCH {where}") for name in wrong])
    return patch


def merged(target: Any, patch: Any, depth: int = 2) -> Any:
    """`target` with the JSON merge patch applied; deeper than a submission's fields the patch is taken as it is."""
    if not (isinstance(patch, dict) and depth):
        return patch
    kept = target if isinstance(target, dict) else {}
    new = {name: merged(kept.get(name), value, depth - 1) for name, value in patch.items() if value is not None}
    return {name: value for name, value in kept.items() if name not in patch} | new


def changed(before: Any, after: Any, path: str = "") -> tuple[str, ...]:
    """The dotted paths of the fields that differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return () if before == after else (path,)
    return tuple(
        found
        for name in sorted({*before, *after})
        for found in changed(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    )
