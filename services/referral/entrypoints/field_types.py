"""Kinds of text in the referral API."""

from typing import Annotated

from pydantic import StringConstraints

from services.kit.http.free_text import NO_NUL

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Word = Annotated[str, StringConstraints(max_length=100, pattern=NO_NUL)]
"""Looked up as it is."""
