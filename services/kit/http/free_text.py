"""Words of a person in a request's body: bounded, and without what looks like a number of somebody."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

TEXT = r"^[^\x00]*$"
"""PostgreSQL's text holds no NUL."""
_NUMBER = re.compile(r"[0-9](?:[ ()-]{0,2}[0-9]){8,}")


def _names_nobody(words: str) -> str:
    if _NUMBER.search(words):
        raise PydanticCustomError("personal_data", "must not hold a phone number or an IIN")
    return words


FreeText = Annotated[str, StringConstraints(max_length=500, pattern=TEXT), AfterValidator(_names_nobody)]
"""What looks like a phone number or an IIN is refused."""
RequiredFreeText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=TEXT),
    AfterValidator(_names_nobody),
]
"""The same, where nothing to say is refused as well."""
