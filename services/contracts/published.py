"""What a service has published: the referral worker asks intake before an event of it takes a child from somebody."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

MOST = 1000
"""Events of one question: as many as a batch of the worker has."""


class PublishedQuestion(BaseModel, extra="forbid"):
    """The body of `POST /v1/published`."""

    event_ids: Annotated[tuple[UUID, ...], Field(max_length=MOST)]


class PublishedAnswer(BaseModel):
    """The events that intake has written, each as it went to Kafka; one that is missing is not intake's."""

    events: tuple[str, ...]
