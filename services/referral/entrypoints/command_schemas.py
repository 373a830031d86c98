"""The bodies of commands on a referral."""

from pydantic import BaseModel, Field

from services.kit.http.free_text import FreeText
from services.referral.entrypoints.field_types import Day


class Remark(BaseModel, extra="forbid"):
    """What may go with any command."""

    note: FreeText | None = Field(
        None, description="Own words; no personal data: what looks like a phone number or an IIN is refused"
    )


class Reasoned(Remark):
    """A command that needs a coded reason of data/reasons.csv."""

    reason: str | None = Field(None, max_length=100, examples=["no_capacity"])


class Acceptance(Remark):
    admit_on: Day | None = Field(
        None, description="The day agreed with the family, in Kazakhstan; a week from now when left out"
    )


class Discharge(Remark):
    outcome: str | None = Field(
        None, max_length=100, examples=["improved"], description="A code of data/reasons.csv, kind `outcome`"
    )
