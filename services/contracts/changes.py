"""What changed, for the console: whose referral took a step. No data of the referral, for who may read it asks."""

from pydantic import BaseModel


class Change(BaseModel, frozen=True):
    """A step of a referral. `center_id` is the center whose offer it is about, if any; no other center may know."""

    referral_id: str
    polyclinic_id: str
    center_id: str | None = None
