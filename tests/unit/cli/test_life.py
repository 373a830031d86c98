"""`joldama admit|no-show|discharge|cancel|withdraw|offer-again|worklist`: as whom, with what, and what is printed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.unit.cli.conftest import Joldama, Stage

ID = "019a2b3c-0000-7000-8000-000000000001"
STORY: dict[str, Any] = {"id": ID, "state": "accepted", "center_id": "near", "polyclinic_id": "p1"}
ROW = STORY | {
    "priority": "urgent", "icd10": "G80.1", "owner": "center:near", "admit_on": "2026-12-01",
    "deadline_at": "2026-12-08T19:00:00Z", "escalation": None,
}  # fmt: skip


class Edge:
    """Answers as the referral service does, and keeps who asked what."""

    def __init__(self, stage: Stage) -> None:
        self.calls: list[tuple[str, str, str, Any]] = []
        self.keys = KeySet.import_key_set(json.loads((stage.issuer / "jwks.json").read_text()))
        self.story = STORY
        self.app = FastAPI()
        self.app.get("/v1/referrals/{id}")(self.read)
        self.app.post("/v1/referrals/{id}/{action}")(self.act)
        self.app.get("/v1/worklists/{name}")(self.list)

    async def read(self, id: str, request: Request) -> dict[str, Any]:
        self._note("read", request, None)
        return self.story

    async def act(self, id: str, action: str, request: Request) -> dict[str, Any]:
        self._note(action, request, await request.json())
        return {"id": id, "state": "completed" if action == "discharge" else "submitted"}

    async def list(self, name: str, request: Request) -> dict[str, Any]:
        self._note(name, request, dict(request.query_params))
        more = "cursor" not in request.query_params and name == "escalated"
        help_needed = {"escalation": "waiting_long", "state": "waiting", "owner": "network"}
        return {"items": [ROW | help_needed if name == "escalated" else ROW], "next": "2" if more else None}

    def _note(self, what: str, request: Request, body: Any) -> None:
        claims = jwt.decode(request.headers["authorization"].removeprefix("Bearer "), self.keys).claims
        self.calls.append((what, claims["roles"][0], claims["org"], body))


@pytest.fixture
def edge(stage: Stage) -> Iterator[Edge]:
    edge = Edge(stage)
    with stage.play(edge.app):
        yield edge


COMMANDS: list[tuple[list[str], tuple[str, str], dict[str, str]]] = [
    (["seen"], ("center", "near"), {}),
    (["admit"], ("center", "near"), {}),
    (["no-show", "--reason", "child_ill"], ("center", "near"), {"reason": "child_ill"}),
    (["discharge", "--outcome", "stable", "--note", "up"], ("center", "near"), {"outcome": "stable", "note": "up"}),
    (["cancel", "--reason", "moved_away"], ("operator", ""), {"reason": "moved_away"}),
    (["withdraw"], ("polyclinic", "p1"), {}),
    (["offer-again"], ("operator", ""), {}),
    (["accept", "--admit-on", "2026-12-01"], ("center", "near"), {"admit_on": "2026-12-01"}),
]  # fmt: skip


SAID = {
    "seen": "seen", "accept": "accepted", "admit": "admitted", "no-show": "no-show: the place goes to the next",
    "discharge": "discharged", "cancel": "cancelled", "withdraw": "withdrawn", "offer-again": "submitted again",
}  # fmt: skip


@pytest.mark.parametrize(("command", "who", "body"), COMMANDS)
def test_each_command_is_sent_as_whom_it_belongs_to(
    joldama: Joldama, edge: Edge, command: list[str], who: tuple[str, str], body: dict[str, str]
) -> None:
    name, *options = command
    ended = joldama(name, ID, *options)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"Referral {ID} {SAID[name]}")
    assert edge.calls[-1] == (name, *who, body)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("decline", "no_capacity               No capacity in fact"),
        ("no-show", "child_ill "),
        ("cancel", "moved_away "),
        ("discharge", "stable "),
    ],
)
def test_without_a_code_the_codes_are_listed_and_nobody_is_asked(
    joldama: Joldama, edge: Edge, command: str, code: str
) -> None:
    ended = joldama(command, ID)
    assert (ended.exit_code, edge.calls) == (2, [])
    assert "CODE is needed, one of:" in ended.stderr
    assert code in ended.stderr


def test_without_reference_data_the_service_names_the_codes(
    joldama: Joldama, edge: Edge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOLDAMA_DATA", str(tmp_path))
    ended = joldama("decline", ID)
    assert ended.exit_code == 2
    assert "--reason x makes the service tell its codes" in ended.stderr


def test_help_lists_the_codes(joldama: Joldama) -> None:
    assert "no_capacity (No capacity in fact)" in joldama("decline", "--help").stdout


def test_the_user_may_choose_as_whom_to_act(joldama: Joldama, edge: Edge) -> None:
    joldama("cancel", ID, "--reason", "other", "--as", "polyclinic", "--org", "p1")
    assert edge.calls == [("cancel", "polyclinic", "p1", {"reason": "other"})]


def test_the_answer_for_a_script_is_the_answer_itself(joldama: Joldama, edge: Edge) -> None:
    assert json.loads(joldama("admit", ID, "--json").stdout) == {"id": ID, "state": "submitted"}


def test_nobody_admits_a_child_that_no_center_has(joldama: Joldama, edge: Edge) -> None:
    edge.story = STORY | {"center_id": None}
    ended = joldama("admit", ID)
    assert ended.exit_code == 1
    assert "No center has" in ended.stderr


def test_a_day_that_is_none_is_a_matter_of_usage(joldama: Joldama, edge: Edge) -> None:
    assert joldama("accept", ID, "--admit-on", "soon").exit_code == 2


def test_a_centers_list_is_shown_with_owner_and_deadline(joldama: Joldama, edge: Edge) -> None:
    shown = joldama("worklist", "to-admit", "--center", "near").stdout
    assert "1 to-admit" in shown
    assert all(word in shown for word in (ID, "center:near", "2026-12-01", "urgent"))
    assert edge.calls == [("to-admit", "operator", "", {"center_id": "near"})]


def test_the_operators_list_says_why_page_after_page(joldama: Joldama, edge: Edge) -> None:
    shown = joldama("worklist", "escalated").stdout
    assert "2 escalated" in shown
    assert shown.count("waiting long") == 2


def test_a_list_for_a_script_is_all_its_items(joldama: Joldama, edge: Edge) -> None:
    assert json.loads(joldama("worklist", "in-care", "--json", "--as", "center", "--org", "near").stdout) == [ROW]
    assert edge.calls[-1][1:3] == ("center", "near")


def test_a_list_that_is_none_is_a_matter_of_usage(joldama: Joldama, edge: Edge) -> None:
    assert joldama("worklist", "to-lunch").exit_code == 2
