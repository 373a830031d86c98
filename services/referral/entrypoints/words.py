"""Kinds of text that the referral API takes."""

from typing import Annotated

from pydantic import StringConstraints

from services.kit.http.free_text import TEXT

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Word = Annotated[str, StringConstraints(max_length=100, pattern=TEXT)]
"""What is looked up as it was given."""
