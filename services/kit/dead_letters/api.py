"""`/v1/dead-letters`: operators list, retry and discard a service's dead letters."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field

from services.kit.audit import note
from services.kit.dead_letters.dead_letter import DeadLetter, DeadLetterAction, DeadLetterState
from services.kit.dead_letters.repository import DeadLetterRepository
from services.kit.http.auth import Principal, Require
from services.kit.http.free_text import RequiredFreeText
from services.kit.http.pages import Page, Text, read_cursor, write_cursor
from services.kit.http.routes import guarded_router


class Content(BaseModel):
    """A message's key or value: as text when it is UTF-8."""

    encoding: str = Field(description="text, or base64")
    data: str


class EventOutline(BaseModel):
    """Attributes of the message's CloudEvent."""

    id: str
    type: str
    subject: str | None = None


def _beginning(key: object) -> object:
    return key.decode(errors="replace")[:100] if isinstance(key, bytes) else key


class DeadLetterSummary(BaseModel, from_attributes=True):
    """A dead letter without its message. `times` counts how often it failed; the decision is the last one."""

    id: UUID
    state: DeadLetterState
    consumer: str
    topic: str
    partition: int
    offset: int
    key: Annotated[str | None, BeforeValidator(_beginning)] = Field(description="Its beginning")
    size: int = Field(description="Bytes of key and value")
    reason: str = Field(description="Why it could not be processed the last time")
    first_at: datetime
    last_at: datetime
    times: int
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    allowed_actions: list[DeadLetterAction]


class DeadLetterView(DeadLetterSummary):
    """A dead letter with its message. What is missing, or was too large to be stored, is null."""

    message_key: Content | None
    message_value: Content | None
    event: EventOutline | None


class Discarding(BaseModel, extra="forbid"):
    reason: RequiredFreeText = Field(description="Why; free text without personal data")


async def _repository(request: Request) -> DeadLetterRepository:
    """Async, because FastAPI runs plain functions in a thread."""
    found: DeadLetterRepository = request.app.state.dead_letters
    return found


Repository = Annotated[DeadLetterRepository, Depends(_repository)]
Limit = Annotated[int, Query(ge=1, le=500)]


def dead_letters_router(actor: Callable[[Principal], str], *roles: str) -> APIRouter:
    """The routes for holders of one of `roles`, over the repository in `app.state.dead_letters`."""
    who = Annotated[Principal, Depends(Require(*roles))]
    router = guarded_router("/v1/dead-letters", tags=["dead letters"])

    @router.get("")
    async def list_dead_letters(
        repository: Repository, _: who, response: Response, state: DeadLetterState = DeadLetterState.OPEN,
        cursor: str | None = None, limit: Limit = 50,
    ) -> Page[DeadLetterSummary]:  # fmt: skip
        """The dead letters, the oldest first; `X-Total-Count` counts all in this state."""
        after = read_cursor(cursor, tuple[Text])[0] if cursor else ""
        found = await repository.page(state, after, limit)
        response.headers["X-Total-Count"] = str(found.total)
        note({"count": len(found.items)})
        items = [DeadLetterSummary.model_validate(one) for one in found.items]
        return Page(items=items, next=write_cursor(found.items[-1].id) if found.more else None)

    @router.get("/{letter_id}")
    async def read_dead_letter(letter_id: UUID, repository: Repository, _: who) -> DeadLetterView:
        """One dead letter with its message."""
        note({"letter_id": str(letter_id)})
        return _view(await repository.find(str(letter_id)))

    @router.post("/{letter_id}/retry")
    async def retry_dead_letter(letter_id: UUID, repository: Repository, principal: who) -> DeadLetterView:
        """Retry a dead letter; one that is retrying or settled is answered unchanged, without a second effect."""
        note({"letter_id": str(letter_id)})
        return _view(await repository.retry(str(letter_id), actor(principal)))

    @router.post("/{letter_id}/discard")
    async def discard_dead_letter(
        letter_id: UUID, body: Discarding, repository: Repository, principal: who
    ) -> DeadLetterView:
        """Discard a dead letter for a reason; it can still be retried later."""
        note({"letter_id": str(letter_id)})
        return _view(await repository.discard(str(letter_id), actor(principal), body.reason))

    return router


def _view(letter: DeadLetter) -> DeadLetterView:
    summary = DeadLetterSummary.model_validate(letter).model_dump()
    key, value = _content(letter.key), _content(letter.value)
    return DeadLetterView(**summary, message_key=key, message_value=value, event=_event(letter.value))


def _content(raw: bytes | None) -> Content | None:
    if raw is None:
        return None
    try:
        return Content(encoding="text", data=raw.decode())
    except UnicodeDecodeError:
        return Content(encoding="base64", data=base64.b64encode(raw).decode())


def _event(raw: bytes | None) -> EventOutline | None:
    try:
        return EventOutline.model_validate_json(raw or b"null", strict=True)
    except ValueError:
        return None
