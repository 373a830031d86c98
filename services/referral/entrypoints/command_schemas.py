"""The bodies of commands on a referral."""

from typing import Annotated, NoReturn
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

from services.kit.messages import message
from services.referral.entrypoints.field_types import Day


def _elsewhere(_: object) -> NoReturn:
    raise PydanticCustomError("note_elsewhere", "{why}", {"why": message("note_elsewhere")})


class Remark(BaseModel, extra="forbid"):
    """What may go with any command."""

    note_id: UUID | None = Field(
        None, description="Of a note that intake has sealed: `POST /v1/diagnoses/{referral_id}/notes`"
    )
    note: SkipJsonSchema[Annotated[None, BeforeValidator(_elsewhere)]] = None


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
