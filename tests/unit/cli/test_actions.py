"""`joldama seen|accept|decline|admit|no-show|discharge|cancel|withdraw|offer-again`: role, body and output."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama, StubApi

ID = "019a2b3c-0000-7000-8000-000000000001"
NOTE = "019a2b3c-0000-7000-8000-000000000009"
STORY: dict[str, Any] = {"id": ID, "state": "accepted", "center_id": "near", "polyclinic_id": "p1"}


class Referrals(StubApi):
    """A stub of the referral service."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.story = STORY
        self.answer: dict[str, Any] = {}
        self.app.get("/v1/referrals/{id}")(self.read)
        self.app.post("/v1/referrals/{id}/{action}")(self.act)
        self.app.get("/v1/diagnoses/{id}/notes")(self.read_notes)
        self.app.post("/v1/diagnoses/{id}/notes")(self.write_note)

    async def read(self, id: str, request: Request) -> dict[str, Any]:
        self.note("read", request)
        return self.story

    async def act(self, id: str, action: str, request: Request) -> dict[str, Any]:
        self.note(action, request, await request.json())
        return {"id": id, "state": "submitted", **self.answer}

    async def write_note(self, id: str, request: Request) -> dict[str, Any]:
        self.note("note", request, await request.json())
        return {"note_id": NOTE, "written_at": "2026-11-20T06:30:00.000+00:00"}

    async def read_notes(self, id: str, request: Request) -> dict[str, Any]:
        self.note("notes", request)
        found = {"note_id": NOTE, "author": "center:near", "written_at": "2026-11-20T06:30:00.000+00:00", "text": "flu"}
        return {"items": [found], "next": None}


@pytest.fixture
def referrals(harness: Harness) -> Iterator[Referrals]:
    stub = Referrals(harness)
    with harness.serve(stub.app):
        yield stub


COMMANDS: list[tuple[str, tuple[str, str], dict[str, str], str]] = [
    ("seen", ("center", "near"), {}, "seen\n"),
    ("accept", ("center", "near"), {}, "accepted\n"),
    ("accept --admit-on 2026-12-01", ("center", "near"), {"admit_on": "2026-12-01"}, "accepted\n"),
    (
        "decline --reason no_capacity", ("center", "near"), {"reason": "no_capacity"},
        "declined: the referral goes to the next nearest center\n",
    ),
    ("admit", ("center", "near"), {}, "admitted: the course begins\n"),
    (
        "no-show --reason child_ill", ("center", "near"), {"reason": "child_ill"},
        "no-show: the place goes to the next child in the queue\n",
    ),
    (
        "discharge --outcome stable", ("center", "near"), {"outcome": "stable"},
        "discharged: the referral is complete, and the place is free\n",
    ),
    (
        "cancel --reason moved_away", ("operator", ""), {"reason": "moved_away"},
        "cancelled: its place or queue positions are released\n",
    ),
    ("withdraw", ("polyclinic", "p1"), {}, "withdrawn: its place or queue positions are released\n"),
    ("offer-again", ("operator", ""), {}, "submitted again: the network looks for a place\n"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "who", "body", "said"), COMMANDS)
def test_each_action_is_sent_in_the_role_and_organization_of_its_actor(
    joldama: Joldama, referrals: Referrals, words: str, who: tuple[str, str], body: dict[str, str], said: str
) -> None:
    name, *options = words.split()
    ended = joldama(name, ID, *options)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == f"Referral {ID} {said}"
    asked = [] if who[0] == "operator" else [("read", "operator", "", None)]
    assert referrals.calls == [*asked, (name, *who, body)]


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ("decline --reason no_capacity", ("center", "near")), ("accept", ("center", "near")),
        ("admit", ("center", "near")), ("discharge --outcome stable", ("center", "near")),
        ("cancel --reason moved_away", ("operator", "")), ("withdraw", ("polyclinic", "p1")),
    ],
)  # fmt: skip
def test_a_note_goes_to_intake_first_and_its_id_with_the_command(
    joldama: Joldama, referrals: Referrals, words: str, who: tuple[str, str]
) -> None:
    name, *options = words.split()
    assert joldama(name, ID, *options, "--note", "Айша has the flu").exit_code == 0
    noted, done = referrals.calls[-2:]
    assert noted == ("note", *who, {"text": "Айша has the flu"})
    assert (done[:3], done[3]["note_id"], "note" in done[3]) == ((name, *who), NOTE, False)


def test_a_refused_note_ends_the_command_before_its_act(joldama: Joldama, referrals: Referrals) -> None:
    referrals.problems = [Problem(404, "not_found", "none")]
    assert joldama("accept", ID, "--note", "x", "--as", "center", "--org", "near").exit_code == 5
    assert [one[0] for one in referrals.calls] == ["note"]


def test_notes_are_read_as_the_polyclinic_of_the_referral(joldama: Joldama, referrals: Referrals) -> None:
    ended = joldama("notes", ID)
    assert (ended.exit_code, "flu" in ended.stdout, "center:near" in ended.stdout) == (0, True, True)
    assert referrals.calls[-1] == ("notes", "polyclinic", "p1", None)


def test_the_day_of_admission_is_printed(joldama: Joldama, referrals: Referrals) -> None:
    referrals.answer = {"admit_on": "2026-12-08"}
    assert joldama("accept", ID).stdout == f"Referral {ID} accepted, to be admitted on 2026-12-08\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("decline", "no_capacity               No capacity in fact"),
        ("no-show", "child_ill "),
        ("cancel", "moved_away "),
        ("discharge", "stable "),
    ],
)
def test_without_a_code_the_codes_are_listed_and_no_service_is_called(
    joldama: Joldama, referrals: Referrals, command: str, code: str
) -> None:
    ended = joldama(command, ID)
    assert (ended.exit_code, referrals.calls) == (2, [])
    assert "CODE is needed, one of:" in ended.stderr
    assert code in ended.stderr


def test_without_reference_data_the_error_says_how_to_list_the_codes(
    joldama: Joldama, referrals: Referrals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOLDAMA_DATA", str(tmp_path))
    ended = joldama("decline", ID)
    assert ended.exit_code == 2
    assert "--reason x makes the service list its codes" in ended.stderr


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("decline", "no_capacity (No capacity in fact)"),
        ("no-show", "child_ill ("),
        ("cancel", "moved_away ("),
        ("discharge", "stable ("),
    ],
)
def test_help_lists_the_codes(joldama: Joldama, command: str, code: str) -> None:
    assert code in joldama(command, "--help").stdout


@pytest.mark.parametrize(
    ("words", "who"),
    [
        (f"cancel {ID} --reason other --as polyclinic --org p1", ("polyclinic", "p1")),
        (f"accept {ID} --as center --org far", ("center", "far")),
        (f"withdraw {ID} --as polyclinic", ("polyclinic", "demo-polyclinic")),
    ],
)
def test_the_user_may_choose_role_and_organization(
    joldama: Joldama, referrals: Referrals, words: str, who: tuple[str, str]
) -> None:
    assert joldama(*words.split()).exit_code == 0
    assert [call[1:3] for call in referrals.calls] == [who]


def test_a_given_token_is_used_unchanged(joldama: Joldama, referrals: Referrals) -> None:
    printed = joldama("token", "admin").stdout.strip()
    joldama("accept", ID, "--token", printed)
    assert [call[:2] for call in referrals.calls] == [("accept", "admin")]


def test_the_role_center_needs_an_organization(joldama: Joldama, referrals: Referrals) -> None:
    ended = joldama("accept", ID, "--as", "center")
    assert (ended.exit_code, referrals.calls) == (2, [])
    assert "--as center needs --org" in ended.stderr


def test_json_output_is_the_service_s_answer(joldama: Joldama, referrals: Referrals) -> None:
    assert json.loads(joldama("admit", ID, "--json").stdout) == {"id": ID, "state": "submitted"}


@pytest.mark.parametrize("command", ["accept", "admit"])
def test_an_action_of_a_center_is_refused_when_no_center_has_the_child(
    joldama: Joldama, referrals: Referrals, command: str
) -> None:
    referrals.story = STORY | {"state": "waiting", "center_id": None}
    ended = joldama(command, ID)
    assert ended.exit_code == 1
    assert "No center has an offer" in ended.stderr


def test_an_invalid_day_is_a_usage_error(joldama: Joldama, referrals: Referrals) -> None:
    assert joldama("accept", ID, "--admit-on", "soon").exit_code == 2


def test_an_action_that_is_not_possible_now_prints_the_allowed_ones(joldama: Joldama, referrals: Referrals) -> None:
    moved = Problem(409, "illegal_transition", "accept is not possible while waiting", extra={"allowed_actions": []})
    ended = _answer_with(joldama, referrals, moved)
    assert ended == (1, "accept is not possible while waiting (illegal_transition)\n  allowed now: nothing")


def test_an_invalid_field_is_named(joldama: Joldama, referrals: Referrals) -> None:
    code, told = _answer_with(joldama, referrals, Problem.of_field("reason", "unknown_reason", "is no code"))
    assert (code, told) == (1, "reason: is no code (unknown_reason)")


@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 4), (404, 5), (412, 1), (500, 1)])
def test_each_kind_of_refusal_has_its_exit_code(joldama: Joldama, referrals: Referrals, status: int, code: int) -> None:
    ended = _answer_with(joldama, referrals, Problem(status, "some_code", "Not so."))
    assert ended[0] == code
    assert ended[1].startswith("Not so. (some_code)")


def _answer_with(joldama: Joldama, referrals: Referrals, problem: Problem) -> tuple[int, str]:
    referrals.problems = [problem]
    ended = joldama("accept", ID, "--as", "center", "--org", "near")
    assert ended.stdout == ""
    return ended.exit_code, ended.stderr.removeprefix("joldama: ").rstrip("\n")
