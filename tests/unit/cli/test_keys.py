"""`joldama keys` and `joldama erase` over a stub service: calls, output and exit codes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.unit.cli.conftest import Harness, Joldama

CHILD = "019a2b3c-0000-7000-8000-00000000000a"


class Service:
    """Intake with 120 children to be made anew, of whom it makes 50 a call; `broken` of them cannot be."""

    def __init__(self) -> None:
        self.left, self.broken, self.erased = 120, 0, list[str]()
        self.app = FastAPI()
        self.app.get("/v1/keys")(self.status)
        self.app.post("/v1/keys/rotate")(self.rotate)
        self.app.post("/v1/children/{child_id}/erase")(self.erase)

    async def status(self) -> dict[str, Any]:
        key = {"purpose": "data", "version": 1, "configured": True, "active": True, "uses": 120}
        return {"keys": [key], "children": 120, "left": self.left}

    async def rotate(self) -> dict[str, Any]:
        done = min(50, self.left - self.broken)
        self.left -= done
        return {"children": done, "complete": not done}

    async def erase(self, child_id: str) -> dict[str, Any]:
        self.erased.append(child_id)
        return {"child_id": child_id, "erased_at": "2026-11-22T07:00:00Z", "referrals": 2}


@pytest.fixture
def service(harness: Harness) -> Iterator[Service]:
    intake = Service()
    with harness.serve(intake.app):
        yield intake


def test_the_status_shows_versions_and_what_is_left(service: Service, joldama: Joldama) -> None:
    shown = joldama("keys", "status")
    assert shown.exit_code == 0
    assert "120 of 120 children are to be made anew: joldama keys rotate" in shown.stdout


def test_a_rotation_goes_on_until_nothing_is_left(service: Service, joldama: Joldama) -> None:
    found = json.loads(joldama("keys", "rotate", "--json").stdout)
    assert (found["rotated"], found["left"], service.left) == (120, 0, 0)


def test_what_cannot_be_made_anew_is_said(service: Service, joldama: Joldama) -> None:
    service.broken = 3
    refused = joldama("keys", "rotate")
    assert refused.exit_code == 1
    assert "3 children could not be made anew" in refused.stderr


def test_nobody_is_erased_by_a_slip(service: Service, joldama: Joldama) -> None:
    assert joldama("erase", CHILD).exit_code == 2
    assert service.erased == []
    done = joldama("erase", CHILD, "--yes")
    assert (done.exit_code, service.erased) == (0, [CHILD])
    assert "2 referrals stay without personal data" in done.stdout
