"""`joldama watch` against a feed whose connection breaks."""

import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse

from services.cli import caller, feed
from services.kit.http.problem_answers import install_problems
from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama


def held(sequence: int, region: str = "KZ-75") -> dict[str, Any]:
    return {
        "programme_id": "a-1", "center_id": "a", "region_id": region, "modality": "inpatient",
        "places": 9, "held": sequence, "occupied": 0, "waiting": 0, "epoch": "1", "sequence": sequence,
    }  # fmt: skip


class Capacity:
    """A stub of capacity: five events, two a connection, and then only a reset."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.name, self.event = "Center A", "kz.joldama.place.held.v1"
        self.more: dict[str, Any] = {}
        self.tokens: list[str] = []
        self.refused: set[str] = set()
        self.end_token: Callable[[], object] | None = None
        self.app = FastAPI()
        install_problems(self.app)
        self.app.get("/v1/capacity")(self.figures)
        self.app.get("/v1/capacity/feed")(self.feed)
        self.app.get("/v1/centers")(self.centers)

    async def figures(self) -> dict[str, Any]:
        return {"items": [], "next": None, "last_event_id": "1-0"}

    async def centers(self) -> dict[str, Any]:
        return {"items": [{"id": "a", "name_en": self.name}], "next": None}

    async def feed(self, request: Request) -> StreamingResponse:
        self.tokens.append(request.headers["authorization"])
        if self.tokens[-1] in self.refused:
            raise Problem(401, "token_expired", "The token ended at noon.")
        self.asked.append(request.headers.get("last-event-id"))
        return StreamingResponse(self._told(int(str(self.asked[-1]).split("-")[1])), media_type="text/event-stream")

    async def _told(self, after: int) -> AsyncIterator[bytes]:
        yield b": beat\n\n"
        for sequence in range(after + 1, min(after + 3, 6)):
            region = "KZ-10" if sequence % 2 else "KZ-75"
            data = json.dumps(held(sequence, region) | self.more)
            yield f"id: 1-{sequence}\nevent: {self.event}\ndata: {data}\n\n".encode()
        if self.end_token:
            self.refused.add(self.tokens[-1])
            self.end_token()
            yield b"event: token_ended\ndata: {}\n\n"
            return
        if after >= 5:
            yield b"event: reset\ndata: {}\n\n"
        yield b"id: 1-99\nevent: kz.joldama.place.held.v1\ndata: {"  # torn in the middle


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """`watch` takes the process's SIGINT, and here the process is pytest's."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def capacity(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Capacity]:
    monkeypatch.setattr(feed, "FIRST_PAUSE", 0.01)
    capacity = Capacity()
    with harness.serve(capacity.app):
        yield capacity


def test_a_broken_feed_is_resumed_after_the_last_event(joldama: Joldama, capacity: Capacity) -> None:
    ended = joldama("watch", "--json", "--count", "5")
    assert ended.exit_code == 0
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["id"] for one in told] == ["1-1", "1-2", "1-3", "1-4", "1-5"]
    assert capacity.asked == ["1-0", "1-2", "1-4"]
    assert "resuming after 1-2" in ended.stderr


def test_the_feed_is_a_table_with_names(joldama: Joldama, capacity: Capacity) -> None:
    ended = joldama("watch", "--count", "2")
    header, first, _ = ended.stdout.splitlines()
    assert header.split() == ["time", "what", "center", "modality", "free", "places", "waiting"]
    assert first.split()[1:] == ["held", "Center", "A", "inpatient", "8", "9", "0"]


def test_a_figure_that_is_stale_is_marked(joldama: Joldama, capacity: Capacity) -> None:
    capacity.more = {"stale": True}
    assert joldama("watch", "--count", "1").stdout.splitlines()[1].endswith("        0  stale")


def test_a_long_name_is_cut_in_the_middle(joldama: Joldama, capacity: Capacity) -> None:
    capacity.name = "Center for Intensive Rehabilitation and Early Intervention for children, Almaty"
    row = joldama("watch", "--count", "1").stdout.splitlines()[1]
    assert "Center for Intensiv" in row
    assert "…" in row
    assert "children, Almaty  inpatient" in row


def test_only_events_of_the_given_region_are_shown(joldama: Joldama, capacity: Capacity) -> None:
    ended = joldama("watch", "--json", "--region", "KZ-75", "--count", "2")
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == ["1-2", "1-4"]


def test_events_that_are_no_longer_stored_are_reported(joldama: Joldama, capacity: Capacity) -> None:
    ended = joldama("watch", "--since", "1-5", "--count", "1")
    assert "were missed" in ended.stderr
    assert len(ended.stdout.splitlines()) == 1


def test_the_feed_begins_after_the_given_event(joldama: Joldama, capacity: Capacity) -> None:
    joldama("watch", "--json", "--since", "1-3", "--count", "1")
    assert capacity.asked == ["1-3"]


def test_after_a_token_s_end_the_feed_goes_on_with_the_new_one_where_it_left_off(
    joldama: Joldama, capacity: Capacity, tmp_path: Path
) -> None:
    tokens = iter(["two", "three"])
    (file := tmp_path / "token").write_text("one\n")
    capacity.end_token = lambda: file.write_text(next(tokens))
    ended = joldama("watch", "--json", "--count", "5", "--token", f"@{file}")
    assert ended.exit_code == 0, ended.output
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == ["1-1", "1-2", "1-3", "1-4", "1-5"]
    assert capacity.tokens == ["Bearer one", "Bearer two", "Bearer three"]
    assert "broke off" not in ended.stderr


def test_a_local_network_s_token_is_made_anew(
    joldama: Joldama, capacity: Capacity, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = iter(["one", "two", "three"])
    monkeypatch.setattr(caller, "local_token", lambda role, org: next(made))
    capacity.end_token = lambda: None
    assert joldama("watch", "--json", "--since", "1-0", "--count", "3").exit_code == 0
    assert capacity.tokens == ["Bearer one", "Bearer two"]


def test_without_a_new_token_the_command_says_how_to_go_on(joldama: Joldama, capacity: Capacity) -> None:
    capacity.end_token = lambda: None
    ended = joldama("watch", "--json", "--token", "one")
    assert ended.exit_code == 4
    assert len(ended.stdout.splitlines()) == 2
    assert "--since 1-2" in ended.stderr


def test_a_token_that_ended_while_the_connection_was_broken_is_renewed_once(
    joldama: Joldama, capacity: Capacity, tmp_path: Path
) -> None:
    (file := tmp_path / "token").write_text("one")
    capacity.refused = {"Bearer two"}
    capacity.end_token = lambda: file.write_text("two")
    ended = joldama("watch", "--json", "--token", f"@{file}")
    assert ended.exit_code == 4
    assert "token_expired" in ended.stderr
    assert capacity.tokens == ["Bearer one", "Bearer two"]


def test_a_token_s_file_that_is_missing_is_named(joldama: Joldama, capacity: Capacity, tmp_path: Path) -> None:
    ended = joldama("watch", "--token", f"@{tmp_path / 'away'}")
    assert ended.exit_code == 2
    assert "away: No such file" in ended.stderr


@pytest.mark.parametrize("width", [60, 80, 100, 115])
def test_a_narrow_terminal_has_whole_rows(joldama: Joldama, capacity: Capacity, width: int) -> None:
    capacity.name = "Center for Intensive Rehabilitation, Almaty"
    capacity.more = {"modality": "outpatient", "places": 99999, "waiting": 9999999, "stale": True}
    shown = joldama("watch", "--count", "2", "--since", "1-0", width=width).stdout.splitlines()
    assert max(map(len, shown)) <= width
    lines = 1 if width > 90 else 2
    rows = [" ".join(shown[at : at + lines]) for at in range(0, len(shown), lines)]
    assert len(rows) == 3
    assert all("Almaty" in one and "outpatient" in one and "stale" in one for one in rows[1:])


def test_figures_that_were_published_to_a_center_are_rows_too(joldama: Joldama, capacity: Capacity) -> None:
    capacity.event = "figures"
    row = joldama("watch", "--count", "1").stdout.splitlines()[1]
    assert row.split()[1:] == ["figures", "Center", "A", "inpatient", "8", "9", "0"]
