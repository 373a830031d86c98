"""`joldama referrals`: query parameters and output."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request

from tests.unit.cli.conftest import Harness, Joldama


def row(number: int) -> dict[str, Any]:
    return {
        "id": f"019a2b3c-0000-7000-8000-{number:012}", "state": "offered", "center_id": "near", "icd10": "G80.1",
        "submitted_at": "2026-11-22T20:30:00Z",
    }  # fmt: skip


class Referrals:
    """A stub of the referral service with three referrals, two a page."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.app = FastAPI()
        self.app.get("/v1/referrals")(self.list)
        self.app.get("/v1/centers")(self.centers)

    async def list(self, request: Request) -> dict[str, Any]:
        self.asked.append(dict(request.query_params))
        second = "cursor" in request.query_params
        return {"items": [row(3)] if second else [row(1), row(2)], "next": None if second else "2"}

    async def centers(self) -> dict[str, Any]:
        return {"items": [{"id": "near", "name_en": "The Near Center"}], "next": None}


@pytest.fixture
def stub(harness: Harness) -> Iterator[Referrals]:
    stub = Referrals()
    with harness.serve(stub.app):
        yield stub


def test_referrals_are_listed_with_id_center_and_local_time(joldama: Joldama, stub: Referrals) -> None:
    title, _, *rows = joldama("referrals").stdout.splitlines()
    assert title == "3 referrals"
    near = [row(1)["id"], "offered", "The", "Near", "Center", "G80.1", "2026-11-23", "01:30+05"]
    assert rows[0].split() == near
    assert len(rows) == 3


def test_the_title_says_that_there_are_more_than_the_limit(joldama: Joldama, stub: Referrals) -> None:
    shown = joldama("referrals", "--limit", "2").stdout
    assert shown.startswith("The newest 2 referrals (more: --limit)")
    assert row(3)["id"] not in shown


def test_state_and_center_are_sent_as_filters(joldama: Joldama, stub: Referrals) -> None:
    joldama("referrals", "--state", "offered", "--center", "near", "--limit", "1")
    assert stub.asked == [{"status": "offered", "center_id": "near"}]


def test_json_output_is_the_service_s_items(joldama: Joldama, stub: Referrals) -> None:
    assert json.loads(joldama("referrals", "--json").stdout) == [row(1), row(2), row(3)]


def test_an_unknown_state_is_a_usage_error(joldama: Joldama, stub: Referrals) -> None:
    assert joldama("referrals", "--state", "lost").exit_code == 2
