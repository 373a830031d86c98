"""Regions and centers by name: every command asks for their ids, and none for something that does not exist."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request

from services.kit.http.problem_answers import install_problems
from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama

CENTERS = [
    {"id": "near", "name_kk": "Жақын орталық", "name_ru": "Ближний центр", "name_en": "Near Center, Almaty",
     "region_id": "KZ-75", "programmes": [{"id": "near-day"}]},
    {"id": "far", "name_kk": "Алыс орталық", "name_ru": "Дальний центр", "name_en": "Far Center, Astana",
     "region_id": "KZ-71", "programmes": [{"id": "far-day"}]},
]  # fmt: skip
Asked = list[tuple[str, dict[str, str]]]


@pytest.fixture
def asked(harness: Harness) -> Iterator[Asked]:
    """The path and the filters of each call but those of the centers' list."""
    app, asked = FastAPI(), Asked()
    install_problems(app)

    @app.get("/v1/{path:path}")
    async def answer(path: str, request: Request) -> dict[str, Any]:
        if path == "centers":
            return {"items": CENTERS, "next": None}
        asked.append((path, dict(request.query_params)))
        if request.query_params.get("center_id") == "neer":
            raise Problem.of_field("center_id", "unknown_center", "there is no center with this id; did you mean near?")
        return {"items": [], "next": None}

    with harness.serve(app):
        yield asked


@pytest.mark.parametrize("region", ["KZ-75", "kz-75", "Almaty", "АЛМАТЫ", "Алматы қаласы", "Город Алматы"])
def test_a_region_is_taken_by_id_and_by_name_in_three_languages(joldama: Joldama, asked: Asked, region: str) -> None:
    assert joldama("capacity", "--region", region).exit_code == 0
    assert joldama("forecast", "--region", region).exit_code == 0
    assert asked == [("capacity", {"region": "KZ-75"}), ("forecast", {"region": "KZ-75"})]


@pytest.mark.parametrize("center", ["near", "Near Center, Almaty", "ближний центр", "Жақын орталық"])
def test_a_center_is_taken_by_id_and_by_name_in_three_languages(joldama: Joldama, asked: Asked, center: str) -> None:
    commands = (["forecast"], ["referrals", "--center"], ["worklist", "to-answer", "--center"])
    assert [joldama(*command, center).exit_code for command in commands] == [0, 0, 0]
    named = {"center_id": "near"}
    assert asked == [("forecast", named), ("referrals", named), ("worklists/to-answer", named)]


@pytest.mark.parametrize("command", ["capacity", "forecast", "watch"])
@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("Almatty", "did you mean KZ-75, Almaty"),
        ("KZ-76", "did you mean KZ-"),
        ("", "they are: KZ-10, Abai Region; KZ-11"),
        ("ЮКО", "KZ-61, Turkistan Region"),
    ],
)
def test_a_region_that_does_not_exist_is_a_usage_error_with_near_matches(
    joldama: Joldama, asked: Asked, command: str, region: str, words: str
) -> None:
    ended = joldama(command, "--region", region)
    assert (ended.exit_code, words in ended.stderr, asked) == (2, True, []), ended.stderr


def test_a_center_that_does_not_exist_is_refused_with_near_matches(joldama: Joldama, asked: Asked) -> None:
    for command in (["forecast"], ["referrals", "--center"], ["worklist", "to-answer", "--center"]):
        ended = joldama(*command, "Neer Center")
        assert (ended.exit_code, "did you mean near, Near Center, Almaty" in ended.stderr) == (2, True), ended.stderr
        assert asked == []
    ended = joldama("forecast", "neer")
    assert (ended.exit_code, "did you mean near?" in ended.stderr) == (1, True)
    ended = joldama("set-places", "near-dai", "1")
    assert (ended.exit_code, "There is no programme near-dai; did you mean near-day" in ended.stderr) == (5, True)


def test_without_the_reference_data_the_service_judges_the_region(
    joldama: Joldama, asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOLDAMA_DATA", str(tmp_path / "nowhere"))
    assert joldama("capacity", "--region", "Almaty").exit_code == 0
    assert asked == [("capacity", {"region": "Almaty"})]


def test_who_acts_as_a_center_that_does_not_exist_is_told_so(joldama: Joldama, asked: Asked) -> None:
    act = ("worklist", "to-answer", "--as", "center", "--org")
    for org, near in (
        ("neer", "did you mean near"),
        ("Near Centre, Almaty", "did you mean near"),
        ("zzz", "`joldama centers` lists them"),
    ):
        ended = joldama(*act, org)
        assert (ended.exit_code, near in ended.stderr, asked) == (2, True, []), ended.stderr
    assert [joldama(*act, org).exit_code for org in ("near", "NEAR", "Ближний центр")] == [0, 0, 0]
    assert len(asked) == 3
