"""Drafts: valid submissions ready to be stored, with their ids, sealed data and event."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from services.contracts.days import day_of
from services.contracts.events import DiagnosisCorrectedV1, DiagnosisRecordedV1, write_event
from services.contracts.submissions import DiagnosisSubmission, SubmissionRequest
from services.contracts.vocabulary import Priority
from services.intake.domain.ages import age_in_months
from services.intake.domain.field_errors import FieldError
from services.intake.domain.keys import Digests, Purpose
from services.intake.domain.priorities import decide_priority
from services.intake.domain.validation import warn_of
from services.intake.handlers.vault import ChildKey, Vault
from services.kit import tracing
from services.kit.audit import TRAIL, Trail

SOURCE = "/joldama/intake"
_submission = DiagnosisSubmission.__pydantic_serializer__


KeyParts = tuple[str, ...]
"""An idempotency key: that of a body by itself, that of a line as `("line", key)`, and one made of a file's key and a
line's number as `("file", key, number)`. So none is taken for another, whatever text they have."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Digests of the polyclinic with its key, and of the body."""

    key: Digests
    body: Digests


@dataclass(slots=True)
class Draft:
    """A submission to be stored. Its child and the child's key are new; those of a known child replace them."""

    referral_id: UUID
    key: ChildKey
    polyclinic_id: str
    age_months: int
    priority: Priority
    submitted_at: datetime
    iin_indexes: Digests
    """Empty without an IIN."""
    idempotency: IdempotencyKey | None
    likenesses: Digests
    """Keyed digests of birth date, sex and guardian's phone: equal for twins, and for a child submitted twice."""
    not_duplicate_of: frozenset[UUID] | None
    """The referrals that are another child's, as the polyclinic says; None when it says nothing."""
    submission: DiagnosisSubmission
    warnings: tuple[FieldError, ...] = ()
    sealed: bytes = b""
    event: bytes = b""
    trail: Trail | None = field(default_factory=TRAIL.get)
    traceparent: str | None = field(default_factory=tracing.current)
    """Both of the request that submits it."""
    submitted_by: str | None = None
    """The actor, as histories name it."""

    @property
    def child_id(self) -> UUID:
        return self.key.child_id


@dataclass(frozen=True, slots=True)
class Drafting:
    """Makes drafts. `new_id` gives UUIDs that grow with time; events of submissions are signed by `key_of_events`."""

    vault: Vault
    new_id: Callable[[], UUID]
    key_of_events: bytes = b""

    def draft(
        self,
        submission: DiagnosisSubmission,
        polyclinic_id: str,
        at: datetime,
        key: IdempotencyKey | None = None,
        by: str | None = None,
    ) -> Draft:
        child, age = submission.child, age_in_months(submission.child.birth_date, day_of(at))
        told = submission.not_duplicate_of if isinstance(submission, SubmissionRequest) else None
        draft = Draft(
            referral_id=self.new_id(),
            key=self.vault.new_key(self.new_id()),
            polyclinic_id=polyclinic_id,
            age_months=age,
            priority=decide_priority(age, submission.priority),
            submitted_at=at,
            iin_indexes={} if child.iin is None else self.vault.indexes(child.iin),
            idempotency=key,
            likenesses=likenesses(self.vault, submission),
            not_duplicate_of=None if told is None else frozenset(told),
            submission=submission,
            warnings=tuple(warn_of(submission)),
            submitted_by=by,
        )
        self.bind(draft, draft.key)
        return draft

    def bind(self, draft: Draft, key: ChildKey) -> None:
        """Seal the data and write the event of `draft` for the child of `key`."""
        self._seal(draft, key)
        # a referral is recorded once, so its id is the id of this event too
        draft.event = write_event(
            _recorded(draft), event_id=str(draft.referral_id), source=SOURCE, time=draft.submitted_at,
            traceparent=draft.traceparent,
            key=self.key_of_events,
        )  # fmt: skip

    def _seal(self, draft: Draft, key: ChildKey) -> None:
        draft.key = key
        draft.sealed = key.seal(Purpose.SUBMISSION, draft.referral_id, write_submission(draft.submission))

    def correct(
        self,
        draft: Draft,
        referral_id: UUID,
        key: ChildKey,
        version: int,
        corrected: tuple[str, ...],
        at: datetime,
        actor: str,
    ) -> None:
        """Make `draft` the version `version` of that referral: ids, sealed data, and the event of the correction."""
        draft.referral_id = referral_id
        self._seal(draft, key)
        data = DiagnosisCorrectedV1(
            **dict(_recorded(draft)), version=version, corrected=corrected, corrected_at=at, actor=actor,
        )  # fmt: skip
        draft.event = write_event(
            data, event_id=correction_id(draft, version), source=SOURCE, time=at, traceparent=draft.traceparent
        )

    def key(self, polyclinic_id: str, key: KeyParts, submission: DiagnosisSubmission) -> IdempotencyKey:
        """The digests of a key. Bodies of the same content are equal, however JSON and letters were written."""
        whose = self.vault.digests(polyclinic_id.encode(), *(part.encode() for part in key))
        composed = unicodedata.normalize("NFC", write_submission(submission).decode())
        return IdempotencyKey(whose, self.vault.digests(composed.encode()))


def likenesses(vault: Vault, submission: DiagnosisSubmission) -> Digests:
    """Keyed digests of birth date, sex and guardian's phone."""
    child = submission.child
    parts = ("likeness", child.birth_date.isoformat(), child.sex.value, submission.guardian.phone)
    return vault.digests(*(one.encode() for one in parts))


def correction_id(draft: Draft, version: int) -> str:
    """The id of the event by which the draft became its referral's version `version`."""
    return str(uuid5(draft.referral_id, f"correction {version}"))


def write_submission(submission: DiagnosisSubmission) -> bytes:
    """The submission as JSON, without the fields of a subclass, which are about the request."""
    return _submission.to_json(submission, exclude_none=True)


def _recorded(draft: Draft) -> DiagnosisRecordedV1:
    submission = draft.submission
    return DiagnosisRecordedV1(
        referral_id=draft.referral_id,
        child_id=draft.child_id,
        polyclinic_id=draft.polyclinic_id,
        age_months=draft.age_months,
        birth_day=submission.child.birth_date.day,
        settlement_id=submission.settlement_id,
        icd10=submission.diagnosis.icd10,
        gmfcs=submission.diagnosis.gmfcs,
        modalities=submission.modalities,
        max_distance_km=submission.max_distance_km,
        priority=draft.priority,
        submitted_at=draft.submitted_at,
        submitted_by=draft.submitted_by,
    )
