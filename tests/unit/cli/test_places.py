"""`joldama centers` and `joldama capacity`: query parameters and output."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request

from tests.unit.cli.conftest import Harness, Joldama

CENTER = {"id": "near", "name_en": "The Near Center", "region_id": "KZ-75", "programmes": [{"id": "a"}, {"id": "b"}]}
FIGURE: dict[str, Any] = {
    "programme_id": "a", "center_id": "near", "modality": "inpatient", "places": 9, "free": 0, "held": 7, "occupied": 4,
    "waiting": 3, "overcommitted": 2, "confirmed_at": "2026-11-20T20:00:00Z", "stale": True,
}  # fmt: skip
BARE = FIGURE | {
    "programme_id": "b", "places": 0, "held": 0, "occupied": 0, "overcommitted": 0, "confirmed_at": None,
    "stale": False,
}  # fmt: skip


@pytest.fixture
def asked(harness: Harness) -> Iterator[list[tuple[str, dict[str, str]]]]:
    """The path and query parameters of each call."""
    app, asked = FastAPI(), list[tuple[str, dict[str, str]]]()
    answers = {
        "centers": [CENTER],
        "forecast": [{"center_id": "near", "places": 9}, {"center_id": "near", "places": 5}],
        "capacity": [FIGURE, BARE],
    }

    @app.get("/v1/{name}")
    async def answer(name: str, request: Request) -> dict[str, Any]:
        asked.append((name, dict(request.query_params)))
        return {"items": answers[name], "next": None}

    with harness.serve(app):
        yield asked


def test_a_center_has_the_places_of_all_its_programmes(joldama: Joldama, asked: list[object]) -> None:
    title, _, row = joldama("centers").stdout.splitlines()
    assert title == "1 centers"
    assert row.split() == ["near", "The", "Near", "Center", "KZ-75", "2", "14"]


def test_json_output_of_centers_is_the_service_s_items(joldama: Joldama, asked: list[object]) -> None:
    assert json.loads(joldama("centers", "--json").stdout) == [CENTER]
    assert asked == [("centers", {})]


def test_a_programme_shows_its_counts_and_when_the_figure_was_confirmed(joldama: Joldama, asked: list[object]) -> None:
    title, _, first, bare = joldama("capacity").stdout.splitlines()
    assert title == "2 programmes, 0 of 9 places free"
    assert first.split() == ["a", "inpatient", "9", "-2", "7", "4", "3", "2026-11-21", "stale"]
    assert bare.split() == ["b", "inpatient", "0", "0", "0", "0", "3", "never"]


def test_region_modality_and_free_are_sent_as_filters(joldama: Joldama, asked: list[object]) -> None:
    joldama("capacity", "--region", "KZ-75", "--modality", "inpatient", "--free")
    assert asked == [("capacity", {"region": "KZ-75", "modality": "inpatient", "free": "1"})]
