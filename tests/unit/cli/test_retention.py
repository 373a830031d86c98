"""`joldama retention`: both services' figures, and steps until there is none."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from tests.unit.cli.conftest import Harness, Joldama, StubApi

KEPT = {"what": "children", "keep_days": 9132, "due": 3, "swept": 7, "swept_at": None}


class Services(StubApi):
    """A stub of both services, each of which sweeps in two steps."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.app.get("/v1/retention")(self.read)
        self.app.post("/v1/retention/sweep")(self.sweep)

    async def read(self, request: Request) -> dict[str, Any]:
        self.note("read", request)
        return {"items": [KEPT, KEPT | {"what": "persons", "keep_days": 0}]}

    async def sweep(self, request: Request, cursor: str | None = None) -> dict[str, Any]:
        self.note(f"sweep {cursor or ''}", request)
        return {"swept": {"children": 2}, "next": None if cursor else "abc"}


@pytest.fixture
def services(harness: Harness) -> Iterator[Services]:
    stub = Services(harness)
    with harness.serve(stub.app):
        yield stub


def test_it_shows_what_is_due_and_was_swept(joldama: Joldama, services: Services) -> None:
    ended = joldama("retention")
    assert (ended.exit_code, services.calls) == (0, [("read", "operator", "", None)] * 2)
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert ["intake", "children", "9,132", "days", "3", "7"] in lines
    assert ["referral", "persons", "for", "ever", "3", "7"] in lines


def test_it_sweeps_to_the_end_as_an_administrator(joldama: Joldama, services: Services) -> None:
    ended = joldama("retention", "--sweep")
    assert [call[:2] for call in services.calls[:3]] == [("sweep ", "admin"), ("sweep abc", "admin"), ("read", "admin")]
    assert any(
        line.split() == ["intake", "children", "9,132", "days", "3", "7", "4"] for line in ended.stdout.splitlines()
    )
