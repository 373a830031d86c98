"""`/v1/dead-letters`: what a service's consumers could not take, for operators to look at and to decide."""

import base64
from datetime import datetime
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.kit.dead_letters.dead_letter import DeadLetter, DeadLetterAction, DeadLetterState
from services.kit.dead_letters.repository import DeadLetterRepository, UnknownDeadLetter, WrongState
from services.kit.http.auth import Principal, require
from services.kit.http.free_text import RequiredFreeText
from services.kit.http.pages import Page, read_cursor, write_cursor
from services.kit.http.problems import Problem

KEY_SHOWN = 100
"""Characters of a key in a list."""


class DeadLetterSummary(BaseModel):
    """A dead letter without its message. `times` counts how often it failed; the decision is the last one."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: DeadLetterState
    consumer: str
    topic: str
    partition: int
    offset: int
    key: str | None = Field(description="Its beginning, when it is text")
    size: int = Field(description="Bytes of key and value")
    reason: str = Field(description="Why it could not be taken the last time")
    first_at: datetime
    last_at: datetime
    times: int
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    allowed_actions: list[DeadLetterAction]


class Content(BaseModel):
    """Bytes of the message: as text when they are UTF-8."""

    encoding: str = Field(description="text, or base64")
    data: str


class EventOutline(BaseModel):
    """What the message says of itself, when it is a CloudEvent."""

    id: str
    type: str
    subject: str | None = None


class DeadLetterView(DeadLetterSummary):
    """A dead letter with its message; null where there was none, and where it was too large to be kept."""

    message_key: Content | None
    message_value: Content | None
    event: EventOutline | None


class Discarding(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: RequiredFreeText = Field(description="Why, in own words; no personal data")


async def _book(request: Request) -> DeadLetterRepository:
    """Async, because FastAPI takes plain functions to a thread."""
    found: DeadLetterRepository = request.app.state.letters
    return found


Book = Annotated[DeadLetterRepository, Depends(_book)]
Limit = Annotated[int, Query(ge=1, le=500)]


def dead_letter_router(*roles: str) -> APIRouter:
    """The routes for whoever has one of `roles`, over the book in `app.state.letters`."""
    who = Annotated[Principal, Depends(require(*roles))]
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @router.get("")
    async def list_dead_letters(
        book: Book, _: who, response: Response, state: DeadLetterState = DeadLetterState.OPEN,
        cursor: str | None = None, limit: Limit = 50,
    ) -> Page[DeadLetterSummary]:  # fmt: skip
        """What could not be taken, the oldest first; `X-Total-Count` counts all in this state."""
        found = await book.page(state, _after(cursor), limit)
        response.headers["X-Total-Count"] = str(found.total)
        items = [DeadLetterSummary.model_validate(_summary(one)) for one in found.items]
        return Page(items=items, next=write_cursor(found.items[-1].id) if found.more else None)

    @router.get("/{letter_id}")
    async def read_dead_letter(letter_id: UUID, book: Book, _: who) -> DeadLetterView:
        """One dead letter with its message."""
        try:
            return _story(await book.find(str(letter_id)))
        except UnknownDeadLetter:
            raise _not_found(letter_id) from None

    @router.post("/{letter_id}/retry")
    async def retry_dead_letter(letter_id: UUID, book: Book, principal: who) -> DeadLetterView:
        """Have it tried again. What is being tried, or had its effect, is answered as it is: never a second effect."""
        try:
            return _story(await book.retry(str(letter_id), principal.actor))
        except (UnknownDeadLetter, WrongState) as error:
            raise _refusal(letter_id, error) from None

    @router.post("/{letter_id}/discard")
    async def discard_dead_letter(letter_id: UUID, body: Discarding, book: Book, principal: who) -> DeadLetterView:
        """Decide that it shall have no effect, and why. It can still be retried later."""
        try:
            return _story(await book.discard(str(letter_id), principal.actor, body.reason))
        except (UnknownDeadLetter, WrongState) as error:
            raise _refusal(letter_id, error) from None

    return router


def _after(cursor: str | None) -> str:
    if not cursor:
        return ""
    match read_cursor(cursor, 1):
        case [str(id)] if id.isprintable():
            return id
    raise Problem.of_field("cursor", "invalid_cursor", "is not a cursor of this list")


def _not_found(id: UUID) -> Problem:
    return Problem(404, "not_found", f"There is no dead letter {id} here.")


def _refusal(id: UUID, error: UnknownDeadLetter | WrongState) -> Problem:
    if isinstance(error, UnknownDeadLetter):
        return _not_found(id)
    allowed = {"state": error.letter.state, "allowed_actions": list(error.letter.allowed_actions)}
    return Problem(409, "illegal_transition", str(error), extra=allowed)


def _summary(letter: DeadLetter) -> dict[str, object]:
    shown = {name: getattr(letter, name) for name in DeadLetterSummary.model_fields if name != "key"}
    return shown | {"key": letter.key.decode(errors="replace")[:KEY_SHOWN] if letter.key is not None else None}


def _story(letter: DeadLetter) -> DeadLetterView:
    return DeadLetterView.model_validate(
        _summary(letter)
        | {
            "message_key": _content(letter.key),
            "message_value": _content(letter.value),
            "event": _event(letter.value),
        }
    )


def _content(raw: bytes | None) -> Content | None:
    if raw is None:
        return None
    try:
        return Content(encoding="text", data=raw.decode())
    except UnicodeDecodeError:
        return Content(encoding="base64", data=base64.b64encode(raw).decode())


def _event(raw: bytes | None) -> EventOutline | None:
    try:
        return EventOutline.model_validate(orjson.loads(raw or b"null"), strict=True)
    except ValueError:
        return None
