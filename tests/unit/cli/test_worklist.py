"""`joldama worklist`: query parameters and output."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from tests.unit.cli.conftest import Harness, Joldama, StubApi

ID = "019a2b3c-0000-7000-8000-000000000001"
ROW: dict[str, Any] = {
    "id": ID, "state": "accepted", "center_id": "near", "polyclinic_id": "p1", "priority": "urgent", "icd10": "G80.1",
    "owner": "center:near", "admit_on": "2026-12-01", "deadline_at": "2026-12-08T19:00:00Z", "escalation": None,
}  # fmt: skip


class Worklists(StubApi):
    """A stub of the worklists, with one row a page; that of the operators has two pages."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.app.get("/v1/worklists/{name}")(self.list)

    async def list(self, name: str, request: Request) -> dict[str, Any]:
        self.note(name, request, dict(request.query_params))
        more = "cursor" not in request.query_params and name == "escalated"
        help_needed = {"escalation": "waiting_long", "state": "waiting", "owner": "network"}
        return {"items": [ROW | help_needed if name == "escalated" else ROW], "next": "2" if more else None}


@pytest.fixture
def worklists(harness: Harness) -> Iterator[Worklists]:
    stub = Worklists(harness)
    with harness.serve(stub.app):
        yield stub


def test_a_center_s_worklist_is_shown_with_owner_and_deadline(joldama: Joldama, worklists: Worklists) -> None:
    shown = joldama("worklist", "to-admit", "--center", "near").stdout
    assert "1 to-admit" in shown
    assert all(word in shown for word in (ID, "center:near", "2026-12-01", "urgent"))
    assert worklists.calls == [("to-admit", "operator", "", {"center_id": "near"})]


def test_the_operators_worklist_has_all_pages_with_reasons(joldama: Joldama, worklists: Worklists) -> None:
    shown = joldama("worklist", "escalated").stdout
    assert "2 escalated" in shown
    assert shown.count("waiting long") == 2


def test_json_output_is_all_items(joldama: Joldama, worklists: Worklists) -> None:
    assert json.loads(joldama("worklist", "in-care", "--json", "--as", "center", "--org", "near").stdout) == [ROW]
    assert worklists.calls[-1][1:3] == ("center", "near")


def test_an_unknown_worklist_is_a_usage_error(joldama: Joldama, worklists: Worklists) -> None:
    assert joldama("worklist", "to-lunch").exit_code == 2


def test_a_reason_is_of_the_operators_worklist_only(joldama: Joldama, worklists: Worklists) -> None:
    for name in ("to-answer", "to-admit", "in-care", "to-offer-again"):
        ended = joldama("worklist", name, "--reason", "waiting_long")
        assert (ended.exit_code, "worklist escalated" in ended.stderr, worklists.calls) == (2, True, [])
    assert joldama("worklist", "escalated", "--reason", "waiting_long").exit_code == 0
    assert worklists.calls[0][3] == {"reason": "waiting_long"}
