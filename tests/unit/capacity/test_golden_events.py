"""The events that capacity publishes, pinned byte by byte: consumers elsewhere read them for years."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.capacity.adapters.redis_relay_store import outgoing
from services.capacity.domain.step import Step, StepId
from services.contracts import events, topics
from services.contracts.vocabulary import Modality
from tests.integration.capacity.network import NOW

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "capacity"
COUNTED: dict[str, Any] = {
    "programme_id": "almaty-day-stay", "center_id": "almaty", "region_id": "KZ-75", "modality": Modality.DAY_STAY,
    "places": 40, "held": 3, "occupied": 36, "waiting": 0, "epoch": "1767225600000", "sequence": 42,
}  # fmt: skip
WHO: dict[str, Any] = {"referral_id": UUID("019b1f3e-7d10-7c44-9a50-0c6f3b1e2d4a"), "attempt": 2}
QUEUES: dict[str, Any] = {**WHO, "epoch": "1767225600000", "sequence": 42, "programme_ids": ("almaty", "astana")}
PAYLOADS: tuple[events.Payload, ...] = (
    events.PlaceHeldV1(**COUNTED, **WHO),
    events.PlaceHandedOverV1(**COUNTED, **WHO, left=("astana-day-stay",)),
    events.PlaceReleasedV1(**COUNTED, **WHO),
    events.PlaceOccupiedV1(**COUNTED, **WHO),
    events.PlacesSetV1(**COUNTED, suspended=True, confirmed_at=NOW),
    events.ClaimQueuedV1(**QUEUES, rank=1764547200000),
    events.ClaimWithdrawnV1(**QUEUES),
)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda one: type(one).__name__)
def test_an_event_is_written_as_it_always_was(payload: events.Payload) -> None:
    golden = json.loads((GOLDEN / f"{type(payload).__name__}.json").read_text())
    published = outgoing(Step(StepId(1767225600000, 42), NOW, payload))
    assert [one.topic for one in published] == list(payload.TOPICS)
    assert [json.loads(one.payload) for one in published] == [golden] * len(published)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda one: type(one).__name__)
def test_an_event_written_long_ago_is_still_read(payload: events.Payload) -> None:
    event = events.read_event((GOLDEN / f"{type(payload).__name__}.json").read_bytes())
    assert event is not None
    assert event.data == payload


def test_every_event_of_capacity_has_its_golden_file() -> None:
    kinds = {kind for kind in events.KNOWN.values() if events_of_capacity(kind)}
    assert {type(one) for one in PAYLOADS} == kinds
    assert {path.stem for path in GOLDEN.glob("*.json")} == {kind.__name__ for kind in kinds}


def events_of_capacity(kind: type[events.Payload]) -> bool:
    return topics.CAPACITY in kind.TOPICS
