"""Kinds of text in the referral API."""

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from services.kit.http.free_text import NO_NUL
from services.kit.messages import message
from services.kit.plain_text import fault_of_name

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Word = Annotated[str, StringConstraints(max_length=100, pattern=NO_NUL)]
"""Looked up as it is."""


def _no_number(value: object) -> object:
    """Pydantic would take a number, in text too, as seconds or milliseconds since 1970."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return value
    raise PydanticCustomError("date_parsing", "must be a date, as 2019-12-31")


Day = Annotated[date, BeforeValidator(_no_number)]
"""A text YYYY-MM-DD."""


def _visible(name: str) -> str:
    if code := fault_of_name(name):
        raise PydanticCustomError(code, "{why}", {"why": message(code)})
    return name


Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^\+?[0-9]([ ()-]{0,2}[0-9]){4,18}$")
]
"""A number to call, as +7 (7172) 12-34-56; of five digits or more."""
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(_visible)]
"""A name in one line, of which something can be seen."""
