"""`joldama forecast` against a stub service."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.unit.cli.conftest import Harness, Joldama

FREE = [{"on": f"2026-12-0{day}", "places": places} for day, places in ((1, 1), (4, 2), (5, 1), (9, 1))]
NEAR: dict[str, Any] = {
    "programme_id": "near-1", "center_id": "near", "center_name": "The Near Center", "region_id": "KZ-75",
    "modality": "inpatient", "places": 9, "in_use": 9, "free": 0, "waiting": 31, "suspended": False,
    "course_days": 21, "next_free": FREE, "for_new_child": "2027-02-11",
    "confirmed_at": "2026-11-20T20:00:00Z", "stale": False,
}  # fmt: skip
AWAY = NEAR | {
    "programme_id": "far-1", "suspended": True, "waiting": None, "next_free": [], "for_new_child": None, "stale": True,
}  # fmt: skip


@pytest.fixture
def asked(harness: Harness) -> Iterator[list[dict[str, str | None]]]:
    """The query parameters of each call."""
    app, asked = FastAPI(), list[dict[str, str | None]]()

    @app.get("/v1/forecast")
    async def answer(center_id: str | None = None, region: str | None = None) -> dict[str, Any]:
        asked.append({"center_id": center_id, "region": region})
        return {"items": [NEAR, AWAY], "next": None, "waiting_missing": None}

    with harness.serve(app):
        yield asked


def test_programmes_show_their_next_free_dates(joldama: Joldama, asked: list[object]) -> None:
    title, _, near, away = joldama("forecast").stdout.splitlines()
    assert title == "2 programmes"
    assert near.split() == [
        "near-1", "9", "9", "0", "31", "2026-12-01,", "2026-12-04", "×2,", "2026-12-05", "…", "2027-02-11",
        "2026-11-21",
    ]  # fmt: skip
    assert away.split() == ["far-1", "9", "9", "0", "suspended", "2026-11-21", "stale"]


def test_center_and_region_are_sent_as_filters(joldama: Joldama, asked: list[object]) -> None:
    joldama("forecast", "near")
    joldama("forecast", "--region", "KZ-75")
    assert asked == [{"center_id": "near", "region": None}, {"center_id": None, "region": "KZ-75"}]


def test_json_output_is_the_service_s_items(joldama: Joldama, asked: list[object]) -> None:
    assert json.loads(joldama("forecast", "--json").stdout) == [NEAR, AWAY]
