"""What a family is told of its referral: intake asks the referral service, which knows no name."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from services.contracts.vocabulary import Modality, ReferralState


class FamilyCenter(BaseModel, frozen=True):
    """A center by its names, the settlement in which it stands, and how to call and find it, where that is known."""

    id: str
    name_kk: str
    name_ru: str
    name_en: str
    settlement_id: str
    phone: str | None = None
    address: str | None = None


class FamilyQueue(BaseModel, frozen=True):
    """The place in one queue, with the numbers that its date was computed from."""

    center: FamilyCenter
    modality: Modality
    position: int = Field(description="1 is next")
    length: int
    places: int
    course_days: int
    estimated_on: date | None


class FamilyOutlook(BaseModel, frozen=True):
    """A referral for its family. `center` has an open offer, has agreed a day, or has the child."""

    state: ReferralState
    center: FamilyCenter | None = None
    modality: Modality | None = None
    answer_by: datetime | None = None
    admit_on: date | None = None
    estimated_on: date | None = Field(None, description="The earliest day of all queues")
    answer_days: int = 0
    admit_days: int = 0
    queues: tuple[FamilyQueue, ...] = ()
    queues_known: bool = Field(True, description="False when the queues could not be asked just now")
