"""Correcting what was submitted: a merge patch on the data as it is, checked as a submission is."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from services.contracts.authority import Holder, actor
from services.contracts.days import day_of
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Role
from services.intake.domain.field_errors import FieldError
from services.intake.domain.validation import Reference, check_submission
from services.intake.handlers.drafts import Draft, Drafting, write_submission
from services.intake.handlers.outcomes import Invalid
from services.intake.handlers.parsing import Unparsed, every_error, parse
from services.intake.handlers.read import DiagnosisRecord
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
    """Another child has the IIN; `child_id` is given when the polyclinic has a referral of it."""

    def __init__(self, child_id: UUID | None) -> None:
        super().__init__("another child has this IIN")
        self.child_id = child_id


class SharedChild(Exception):
    """Another polyclinic has referrals of the child, and knows it by its IIN."""


class Corrections(Protocol):
    """The recorded submissions, as they are corrected."""

    async def correct(
        self,
        editor: Holder,
        kind: Correction,
        key: UUID,
        expected: Expected,
        draft: Callable[[DiagnosisRecord], Draft | None],
        at: datetime,
    ) -> list[DiagnosisRecord]:
        """Replace the diagnoses of the polyclinic `editor.org` by their drafts (None: unchanged), newest first.

        Durable with the audit and the events when it returns; empty when the polyclinic has none. Raises VersionMoved,
        IinTaken, SharedChild, and what `draft` raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class Correcting:
    """Corrections by the polyclinic that submitted the data."""

    corrections: Corrections
    drafting: Drafting
    reference: Reference
    now: Callable[[], datetime]

    async def correct(
        self, editor: Holder, kind: Correction, key: UUID, body: bytes, expected: Expected
    ) -> list[DiagnosisRecord]:
        """The corrected records, newest first; empty when the polyclinic has none. Raises Refused, and as above."""
        patch, at, by = _patch(body, kind), self.now(), actor(editor, Role.POLYCLINIC)
        return await self.corrections.correct(
            editor, kind, key, expected, lambda record: self._draft(record, patch, at, by), at
        )

    def _draft(self, record: DiagnosisRecord, patch: Patch, at: datetime, by: str) -> Draft | None:
        """The corrected submission, by the rules of the day on which it was submitted; None when nothing changes."""
        before = json.loads(write_submission(record.submission))
        day = day_of(record.submitted_at)
        try:
            submission = parse(DiagnosisSubmission, _body(before, patch))
        except Unparsed as error:
            raise Refused(every_error(error, day, self.reference)) from None
        if errors := check_submission(submission, day, self.reference):
            raise Refused(errors)
        if record.submission.child.iin and submission.child.iin is None:
            raise Refused(
                [FieldError("child.iin", "iin_required", "the child has one: it may be corrected, not removed")]
            )
        corrected = changed(before, json.loads(write_submission(submission)))
        if not corrected:
            return None
        draft = self.drafting.draft(submission, record.polyclinic_id, record.submitted_at)
        self.drafting.correct(draft, record.referral_id, record.child_id, record.version + 1, corrected, at, by)
        return draft


def _patch(body: bytes, kind: Correction) -> Patch:
    """Raises Refused unless the body is an object of parts that `kind` corrects."""
    try:
        patch = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused([FieldError("body", "json_invalid", "is no JSON")]) from None
    if not isinstance(patch, dict) or not patch:
        names = ", ".join(sorted(kind.parts))
        raise Refused([FieldError("body", "nothing_to_correct", f"must be an object with what is to be: {names}")])
    other = Correction.DIAGNOSIS if kind is Correction.CHILD else Correction.CHILD
    where = {Correction.CHILD: "/v1/children/{child_id}", Correction.DIAGNOSIS: "/v1/diagnoses/{referral_id}"}[other]
    wrong = [name for name in patch if name in other.parts]
    if wrong:
        raise Refused([FieldError(name, "other_path", f"is corrected by PATCH {where}") for name in wrong])
    return patch


def _body(before: Any, patch: Patch) -> bytes:
    """The corrected submission as JSON. Raises Refused when the patch is nested too deeply."""
    try:
        return json.dumps(merged(before, patch)).encode()
    except RecursionError:
        raise Refused([FieldError("body", "json_invalid", "is nested too deeply")]) from None


def merged(target: Any, patch: Any) -> Any:
    """`target` with the JSON merge patch applied."""
    if not isinstance(patch, dict):
        return patch
    kept = target if isinstance(target, dict) else {}
    new = {name: merged(kept.get(name), value) for name, value in patch.items() if value is not None}
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
