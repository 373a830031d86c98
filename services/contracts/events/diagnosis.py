"""What happens at intake: the topic `diagnoses.v1`."""

from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from services.contracts.events.payload import Payload
from services.contracts.vocabulary import Gmfcs, Modality, Priority


class DiagnosisRecordedV1(Payload):
    """A polyclinic's submission was stored; the child is known here by a pseudonymous id only."""

    TYPE: ClassVar[str] = "kz.joldama.diagnosis.recorded.v1"

    referral_id: UUID
    child_id: UUID
    polyclinic_id: str
    age_months: int
    """Completed months at `submitted_at`."""
    settlement_id: str
    icd10: str
    gmfcs: Gmfcs | None = None
    modalities: tuple[Modality, ...]
    max_distance_km: float | None = None
    priority: Priority
    submitted_at: AwareDatetime

    @property
    def key(self) -> str:
        return str(self.referral_id)
