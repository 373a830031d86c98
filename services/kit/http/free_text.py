"""Free text in a request's body: of bounded length, without phone numbers and IINs."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
_NUMBER = re.compile(r"[0-9](?:[ ()-]{0,2}[0-9]){8,}")


def _without_numbers(text: str) -> str:
    if _NUMBER.search(text):
        raise PydanticCustomError("personal_data", "must not hold a phone number or an IIN")
    return text


FreeText = Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL), AfterValidator(_without_numbers)]
"""At most 500 characters."""
RequiredFreeText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=NO_NUL),
    AfterValidator(_without_numbers),
]
"""The same, and not empty."""
