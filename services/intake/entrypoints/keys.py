"""`/v1/keys`: which keys are known and used, and making anew what older ones have made."""

from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel, Field

from services.contracts.authority import OPERATORS
from services.intake.entrypoints.access import TheIntake
from services.kit.http.auth import Principal, Require
from services.kit.http.routes import guarded_router

router = guarded_router(tags=["keys"])
Operator = Annotated[Principal, Depends(Require(*OPERATORS))]


class KeyVersion(BaseModel, from_attributes=True):
    """A known version of a kind of key. Nothing of the key itself."""

    purpose: str = Field(description="`data`, `index` or `pseudonym`")
    version: int
    configured: bool = Field(description="Whether the process that answers has it")
    active: bool
    uses: int = Field(description="How much was made by it. While it is not 0 the key must stay configured")


class KeysStatus(BaseModel, from_attributes=True):
    """The known keys; of `children`, so many are `left` to be made anew under the active ones."""

    keys: list[KeyVersion]
    children: int
    left: int


class RotationStep(BaseModel, from_attributes=True):
    """So many children were made anew by this call; `complete` when a look at all has found none."""

    children: int
    complete: bool


@router.get("/v1/keys", summary="The known keys and their use")
async def read_keys(_: Operator, intake: TheIntake) -> KeysStatus:
    """Which versions of which keys are known, active and still in use."""
    return KeysStatus.model_validate(await intake.rotation.status())


@router.post("/v1/keys/rotate", summary="Make anew what older keys have made, for a second")
async def rotate_keys(_: Operator, intake: TheIntake) -> RotationStep:
    """The newest keys of this process become active, and children are made anew under them, while all else goes on.

    To be called until it is `complete`. Every process must have the new keys before: one without them answers 503.
    """
    return RotationStep.model_validate(await intake.rotation.rotate())
