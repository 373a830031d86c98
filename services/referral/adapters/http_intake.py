"""Intake over its HTTP API: which events are its own."""

from collections.abc import Collection, Mapping
from uuid import UUID

import httpx2
from pydantic import ValidationError

from services.contracts.events import MalformedEvent, Payload, read_event
from services.contracts.published import PublishedAnswer, PublishedQuestion
from services.kit.errors import TransientError
from services.kit.http.service_token import ServiceToken

_JSON = {"Content-Type": "application/json"}


class HttpIntake:
    """The IntakeEvents port; `client` has the base URL. What is no answer is a TransientError."""

    def __init__(self, client: httpx2.AsyncClient, token: ServiceToken) -> None:
        self._client, self._token = client, token

    async def published(self, event_ids: Collection[str]) -> Mapping[str, Payload]:
        wanted = tuple(id for one in event_ids if (id := _uuid(one)))
        question = PublishedQuestion(event_ids=wanted).model_dump_json()
        try:
            headers = _JSON | await self._token.header()
            answer = await self._client.post("/v1/published", content=question, headers=headers)
            self._token.answered(answer.status_code)
            found = PublishedAnswer.model_validate_json(answer.raise_for_status().content).events
            events = [read_event(one.encode()) for one in found]
        except (httpx2.HTTPError, OSError) as error:
            raise TransientError(f"intake: {error or type(error).__name__}") from error
        except (ValidationError, MalformedEvent):
            raise TransientError("intake answered strangely") from None
        return {one.envelope.id: one.data for one in events if one}


def _uuid(event_id: str) -> UUID | None:
    """None for an id that no event of intake has."""
    try:
        return UUID(event_id)
    except ValueError:
        return None
