"""The bodies of commands on a referral."""

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from services.referral.entrypoints.words import TEXT

_NUMBER = re.compile(r"[0-9](?:[ ()-]{0,2}[0-9]){8,}")


class Remark(BaseModel):
    """What may go with any command."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, StringConstraints(max_length=500, pattern=TEXT)] | None = Field(
        None, description="Own words; no personal data: what looks like a phone number or an IIN is refused"
    )

    @field_validator("note")
    @classmethod
    def _names_nobody(cls, note: str | None) -> str | None:
        if note and _NUMBER.search(note):
            raise PydanticCustomError("personal_data", "must not hold a phone number or an IIN")
        return note


class Reasoned(Remark):
    """A command that needs a coded reason of data/reasons.csv."""

    reason: str | None = Field(None, max_length=100, examples=["no_capacity"])


class Acceptance(Remark):
    admit_on: date | None = Field(
        None, description="The day agreed with the family, in Kazakhstan; a week from now when left out"
    )


class Discharge(Remark):
    outcome: str | None = Field(
        None, max_length=100, examples=["improved"], description="A code of data/reasons.csv, kind `outcome`"
    )
