"""The numbers that cross between services: whole, and so bounded that Lua and JSON count each of them exactly.

Lua writes numbers from 1e14 on as 1e+14, and a double holds no whole number beyond 2^53. Every bound lies below both.
"""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StrictInt, StringConstraints
from pydantic_core import PydanticCustomError

Attempt = Annotated[StrictInt, Field(ge=1, le=1_000_000)]
AttemptOrNone = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
"""0 where there is no claim."""
Rank = Annotated[StrictInt, Field(ge=-(10**13), le=10**13)]
"""Milliseconds; the smaller goes first."""
Places = Annotated[StrictInt, Field(ge=0, le=100_000)]
Count = Annotated[StrictInt, Field(ge=0, le=1_000_000_000)]
"""Of places, claims or referrals."""
Version = Annotated[StrictInt, Field(ge=0, le=1_000_000_000)]
"""Of a figure, an entry, a referral or a diagnosis."""
Sequence = Annotated[StrictInt, Field(ge=0, le=10**13)]
"""Steps of capacity within an epoch."""
Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,14}$")]
"""Milliseconds since 1970; each generation's is higher than the one before."""
ScanPosition = Annotated[StrictInt, Field(ge=0, lt=2**64)]
"""A cursor of Redis' SCAN, which goes back to Redis as text."""
AgeMonths = Annotated[StrictInt, Field(ge=0, le=2400)]
DayOfMonth = Annotated[StrictInt, Field(ge=1, le=31)]
Kilometers = Annotated[float, Field(ge=0, le=50_000, allow_inf_nan=False)]
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _no_number(value: object) -> object:
    """Pydantic would take a number, in text too, as seconds or milliseconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and re.match(r"[0-9]{4}-", value)):
        return value
    raise PydanticCustomError("datetime_type", "must be a moment, as 2026-12-01T10:30:00+05:00")


def _in_range(value: datetime) -> datetime:
    if not _FIRST <= value < _LAST:
        raise PydanticCustomError("moment_out_of_range", "must be from 1970 to 2199")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), AfterValidator(_in_range)]
"""A time with its zone, whose milliseconds Lua can count."""
