"""`joldama set-places`: the figure in the registry, and in capacity."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from services.cli import set_places
from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama, StubApi

PLACES = "/v1/centers/near/programmes/near-1/places"
COUNTS = {"programme_id": "near-1", "held": 4, "occupied": 1, "free": 2, "waiting": 4, "overcommitted": 0}


class Registry(StubApi):
    """A stub of the registry with one programme, and of capacity, which applies a figure at the read `applies_at`."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.figure: dict[str, Any] | None = {"places": 7, "suspended": False, "version": 3}
        self.applied: dict[str, Any] = {"places": 7, "suspended": False, "version": 3}
        self.counts = COUNTS
        self.applies_at, self.looks = 1, 0
        self.someone_sets_another = False
        self.conditions: list[str | None] = []
        self.app.get("/v1/centers")(self.centers)
        self.app.get(PLACES)(self.read)
        self.app.put(PLACES)(self.put)
        self.app.get("/v1/capacity/near")(self.capacity)

    async def centers(self) -> dict[str, Any]:
        names: dict[str, Any] = dict.fromkeys(("name_kk", "name_ru", "name_en"), "Center")
        far, near = (names | {"id": id, "programmes": [{"id": f"{id}-1"}]} for id in ("far", "near"))
        return {"items": [far, near], "next": None}

    async def read(self) -> dict[str, Any]:
        if self.figure is None:
            raise Problem(404, "no_figure", "The center has not set this programme's places yet.")
        found = dict(self.figure)
        if self.someone_sets_another:
            self.figure |= {"places": 99, "version": 4}
        return found

    async def put(self, request: Request) -> dict[str, Any]:
        body = await request.json()
        self.conditions.append(request.headers.get("if-match"))
        self.note("put", request, body)
        before = self.figure or {"suspended": False, "version": 0}
        if self.conditions[-1] not in (None, f'"{before["version"]}"'):
            raise Problem(412, "version_moved", "It has changed since you read it.")
        suspended = before["suspended"] if body["suspended"] is None else body["suspended"]
        self.figure = {"places": body["places"], "suspended": suspended, "version": before["version"] + 1}
        return {"center_id": "near", "programme_id": "near-1", "confirmed_by": "operator-1", **self.figure}

    async def capacity(self) -> dict[str, Any]:
        self.looks += 1
        if self.looks >= self.applies_at:
            self.applied = dict(self.figure or {})
        return {"items": [{"programme_id": "near-2", "version": 9}, self.counts | self.applied], "next": None}


@pytest.fixture
def registry(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setattr(set_places, "POLL_EVERY", 0.01)
    registry = Registry(harness)
    with harness.serve(registry.app):
        yield registry


def test_without_a_number_the_present_figure_is_confirmed(joldama: Joldama, registry: Registry) -> None:
    ended = joldama("set-places", "near-1")
    assert ended.stdout == "near-1 has 7 places, 2 free, 4 wait; the figure is confirmed\n"
    assert registry.calls == [("put", "center", "near", {"places": 7, "suspended": None})]
    assert registry.conditions == ['"3"']


def test_a_figure_that_was_set_meanwhile_is_not_replaced(joldama: Joldama, registry: Registry) -> None:
    registry.someone_sets_another = True
    ended = joldama("set-places", "near-1")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == "joldama: Somebody has just set this figure: look at it, and confirm it again.\n"
    assert registry.figure == {"places": 99, "suspended": False, "version": 4}


@pytest.mark.parametrize(
    ("words", "body", "condition"),
    [
        ("9", {"places": 9, "suspended": None}, None),
        ("7", {"places": 7, "suspended": None}, None),
        ("0 --suspend", {"places": 0, "suspended": True}, None),
        ("--suspend", {"places": 7, "suspended": True}, '"3"'),
        ("--resume", {"places": 7, "suspended": False}, '"3"'),
    ],
)
def test_a_number_replaces_any_figure(
    joldama: Joldama, registry: Registry, words: str, body: dict[str, Any], condition: str | None
) -> None:
    ended = joldama("set-places", "near-1", *words.split())
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert registry.calls == [("put", "center", "near", body)]
    assert registry.conditions == [condition]
    assert ("the figure is confirmed" in ended.stdout) == (words in ("7", "--resume"))


def test_a_suspended_and_overcommitted_programme_is_described(joldama: Joldama, registry: Registry) -> None:
    registry.counts = COUNTS | {"free": 0, "overcommitted": 3}
    assert joldama("set-places", "near-1", "2", "--suspend").stdout == (
        "near-1 has 2 places, 0 free, 4 wait; suspended: it gives no places; "
        "overcommitted by 3: so many must leave before a place comes free\n"
    )


def test_the_command_waits_until_capacity_shows_the_figure(joldama: Joldama, registry: Registry) -> None:
    registry.applies_at = 3
    assert joldama("set-places", "near-1", "9").stdout == "near-1 has 9 places, 2 free, 4 wait\n"
    assert registry.looks == 3


@pytest.mark.parametrize(("words", "said"), [("9", "9 places; "), ("9 --suspend", "9 places, suspended; ")])
def test_a_figure_that_capacity_does_not_show_in_time_is_set(
    joldama: Joldama, registry: Registry, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    monkeypatch.setattr(set_places, "PATIENCE", 0.1)
    registry.applies_at = 10_000
    ended = joldama("set-places", "near-1", *words.split())
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == f"near-1 has {said}capacity does not show that yet, and will as soon as it can\n"
    told = json.loads(joldama("set-places", "near-1", "9", "--json").stdout)
    assert (told["places"], told["version"], told["applied"]) == (9, 5, False)


def test_a_figure_is_set_while_capacity_is_unreachable(
    joldama: Joldama, registry: Registry, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(set_places, "PATIENCE", 0.1)
    file = harness.home / "network.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"capacity": "http://127.0.0.1:9"}))
    ended = joldama("set-places", "near-1")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("near-1 has 7 places; the figure is confirmed; capacity does not show that yet")


def test_json_output_has_figure_and_counts(joldama: Joldama, registry: Registry) -> None:
    told = json.loads(joldama("set-places", "near-1", "9", "--json").stdout)
    assert told == COUNTS | {
        "center_id": "near", "confirmed_by": "operator-1", "places": 9, "suspended": False, "version": 4,
        "applied": True,
    }  # fmt: skip


def test_a_programme_without_a_figure_needs_a_number(joldama: Joldama, registry: Registry) -> None:
    registry.figure = None
    ended = joldama("set-places", "near-1")
    assert (ended.exit_code, registry.calls) == (2, [])
    assert "say how many places" in ended.stderr
    assert joldama("set-places", "near-1", "4").stdout == "near-1 has 4 places, 2 free, 4 wait\n"
    assert registry.conditions == [None]


def test_an_unknown_programme_is_not_found(joldama: Joldama, registry: Registry) -> None:
    ended = joldama("set-places", "no-such", "1")
    assert (ended.exit_code, registry.calls) == (5, [])
    assert "There is no programme no-such: see `joldama capacity`." in ended.stderr


def test_a_refusal_is_printed_without_waiting(joldama: Joldama, registry: Registry) -> None:
    registry.problems = [Problem(403, "forbidden", "This is another center's.")]
    assert joldama("set-places", "near-1", "1", "--as", "center", "--org", "far").exit_code == 4
    assert (registry.calls[0][1:3], registry.looks) == (("center", "far"), 0)
