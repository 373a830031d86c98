"""A submission that passed the rules, made ready to be stored: ids, sealed data and event bytes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.contracts.events import DiagnosisRecordedV1, write_event
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Priority
from services.intake.domain.ages import age_in_months, almaty_day
from services.intake.domain.priorities import decide_priority

SOURCE = "/joldama/intake"


class Vault(Protocol):
    """Keeps personal data unreadable at rest."""

    def seal(self, child_id: UUID, plain: bytes) -> bytes: ...

    def open(self, child_id: UUID, sealed: bytes) -> bytes: ...

    def index(self, iin: str) -> bytes: ...

    def digest(self, *parts: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Digests of whose key it is, and of the body that came with it."""

    key: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What will be stored if nothing speaks against it. `child_id` is new; a known child's replaces it."""

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    priority: Priority
    submitted_at: datetime
    iin_index: bytes | None
    idempotency: IdempotencyKey | None
    event_id: str
    sealed: bytes
    event: bytes
    submission: DiagnosisSubmission


@dataclass(frozen=True, slots=True)
class Drafting:
    """Makes drafts. `new_id` gives UUIDs that grow with time."""

    vault: Vault
    new_id: Callable[[], UUID]

    def draft(
        self, submission: DiagnosisSubmission, polyclinic_id: str, now: datetime, key: IdempotencyKey | None = None
    ) -> Draft:
        child, age = submission.child, age_in_months(submission.child.birth_date, almaty_day(now))
        bare = Draft(
            referral_id=self.new_id(),
            child_id=self.new_id(),
            polyclinic_id=polyclinic_id,
            priority=decide_priority(age, submission.priority),
            submitted_at=now,
            iin_index=None if child.iin is None else self.vault.index(child.iin),
            idempotency=key,
            event_id=str(self.new_id()),
            sealed=b"",
            event=b"",
            submission=submission,
        )
        return self.for_child(bare, bare.child_id)

    def for_child(self, draft: Draft, child_id: UUID) -> Draft:
        """The same draft for the child known as `child_id`."""
        plain = draft.submission.model_dump_json(exclude_none=True).encode()
        event = write_event(_recorded(draft, child_id), event_id=draft.event_id, source=SOURCE, time=draft.submitted_at)
        return replace(draft, child_id=child_id, sealed=self.vault.seal(child_id, plain), event=event)

    def key(self, polyclinic_id: str, key: str, submission: DiagnosisSubmission) -> IdempotencyKey:
        """Two bodies that mean the same are the same, however they were written."""
        body = submission.model_dump_json(exclude_none=True).encode()
        return IdempotencyKey(self.vault.digest(polyclinic_id.encode(), key.encode()), self.vault.digest(body))


def _recorded(draft: Draft, child_id: UUID) -> DiagnosisRecordedV1:
    submission = draft.submission
    return DiagnosisRecordedV1(
        referral_id=draft.referral_id,
        child_id=child_id,
        polyclinic_id=draft.polyclinic_id,
        age_months=age_in_months(submission.child.birth_date, almaty_day(draft.submitted_at)),
        settlement_id=submission.settlement_id,
        icd10=submission.diagnosis.icd10,
        gmfcs=submission.diagnosis.gmfcs,
        modalities=submission.modalities,
        max_distance_km=submission.max_distance_km,
        priority=draft.priority,
        submitted_at=draft.submitted_at,
    )
