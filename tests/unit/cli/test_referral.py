"""`joldama referral` and a center's answers, against the edge of a network."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from joserfc import jwt
from joserfc.jwk import KeySet

from services.kit.http.problems import Problem, install_problems
from tests.unit.cli.conftest import Joldama, Stage

ID = "019a2b3c-0000-7000-8000-000000000001"
STORY: dict[str, Any] = {
    "id": ID, "child_id": "c", "polyclinic_id": "p-1", "state": "offered", "version": 2, "attempt": 2,
    "priority": "urgent", "submitted_at": "2026-11-22T08:00:00Z", "settlement_id": "1526384", "icd10": "G80.1",
    "modalities": ["inpatient"], "max_distance_km": 300.0, "deadline_at": "2026-11-23T08:00:00Z",
    "center_id": "near", "programme_id": "near-1",
    "offers": [
        {"attempt": 1, "center_id": "nearest", "center_name": "The Nearest",
         "programme_id": "nearest-1", "kilometers": 2.4, "state": "declined",
         "reason": "no_capacity", "made_at": "2026-11-22T08:00:01Z", "answer_by": "2026-11-23T08:00:01Z",
         "seen_at": None, "answered_at": "2026-11-22T09:00:00Z"},
        {"attempt": 2, "center_id": "near", "center_name": "The Near Center",
         "programme_id": "near-1", "kilometers": 31.7, "state": "made",
         "reason": None, "made_at": "2026-11-22T09:00:01Z", "answer_by": "2026-11-23T09:00:01Z",
         "seen_at": None, "answered_at": None},
    ],
    "history": [{"version": 1, "at": "2026-11-22T08:00:01Z", "actor": "router", "command": "offer",
                 "from_state": "submitted", "to_state": "offered", "reason": None, "note": None}],
    "decision": {
        "attempt": 2, "at": "2026-11-22T09:00:01Z",
        "candidates": [
            {"programme_id": "near-1", "center_id": "near", "center_name": "The Near Center",
             "kilometers": 31.7, "free": 3, "chosen": True},
            {"programme_id": "far-1", "center_id": "far", "center_name": "The Far Center",
             "kilometers": 1204.2, "free": 40, "chosen": False},
        ],
        "excluded": {"age": ["x-1", "x-2", "x-3", "x-4"], "already_declined": ["nearest-1"], "catchment": []},
    },
    "allowed_actions": [],
}  # fmt: skip


class Edge:
    """Answers as the referral service does, and keeps who asked what."""

    def __init__(self, stage: Stage) -> None:
        self.calls: list[tuple[str, dict[str, Any], Any]] = []
        self.keys = KeySet.import_key_set(json.loads((stage.issuer / "jwks.json").read_text()))
        self.problems: list[Problem] = []
        self.story = STORY
        self.app = FastAPI()
        install_problems(self.app)
        self.app.get("/v1/referrals/{id}")(self.read)
        self.app.post("/v1/referrals/{id}/{action}")(self.answer)

    async def read(self, id: str, request: Request) -> dict[str, Any]:
        self._note("read", request, None)
        return self.story

    async def answer(self, id: str, action: str, request: Request) -> dict[str, Any]:
        self._note(action, request, await request.json())
        return {"id": id, "state": "accepted" if action == "accept" else "submitted"}

    def _note(self, what: str, request: Request, body: Any) -> None:
        claims = jwt.decode(request.headers["authorization"].removeprefix("Bearer "), self.keys).claims
        self.calls.append((what, claims, body))
        if self.problems:
            raise self.problems.pop(0)


@pytest.fixture
def edge(stage: Stage) -> Iterator[Edge]:
    edge = Edge(stage)
    with stage.play(edge.app):
        yield edge


def test_why_this_center_shows_the_candidates_in_order(joldama: Joldama, edge: Edge) -> None:
    shown = joldama("referral", ID).stdout
    near = next(line for line in shown.splitlines() if "chosen" in line)
    far = next(line for line in shown.splitlines() if "The Far Center" in line)
    assert near.split() == ["1", "The", "Near", "Center", "near-1", "32", "3", "◀", "chosen"]
    assert far.split() == ["2", "The", "Far", "Center", "far-1", "1,204", "40"]


def test_why_this_center_counts_those_left_out_by_reason(joldama: Joldama, edge: Edge) -> None:
    shown = joldama("referral", ID).stdout
    rows = [line.split() for line in shown.splitlines()]
    assert ["age", "4", "x-1,", "x-2,", "x-3", "…"] in rows
    assert ["already", "declined", "1", "nearest-1"] in rows
    assert "catchment" not in shown


def test_each_reason_that_appears_is_explained(joldama: Joldama, edge: Edge) -> None:
    excluded = {"modality": ["x"], "declined": ["y"], "distance": []}
    edge.story = STORY | {"decision": STORY["decision"] | {"excluded": excluded}}
    assert "modality: not asked for; declined: a center said no before\n" in joldama("referral", ID).stdout


@pytest.mark.parametrize(("kilometers", "tied"), [(31.7, True), (31.8, False)])
def test_a_tie_with_the_chosen_is_explained(joldama: Joldama, edge: Edge, kilometers: float, tied: bool) -> None:
    near, far = STORY["decision"]["candidates"]
    edge.story = STORY | {"decision": STORY["decision"] | {"candidates": [near, far | {"kilometers": kilometers}]}}
    told = "At the same distance the programme with more free places goes first." in joldama("referral", ID).stdout
    assert told is tied


def test_a_stale_candidate_is_marked_and_explained(joldama: Joldama, edge: Edge) -> None:
    near, far = STORY["decision"]["candidates"]
    stale = [near, far | {"stale": True, "behind_km": 25.0}]
    edge.story = STORY | {"decision": STORY["decision"] | {"candidates": stale}}
    shown = joldama("referral", ID).stdout
    assert "40  stale, taken as 25 km farther\n" in shown
    assert "stale: the center had not confirmed how many places it has for days.\n" in shown


def test_center_and_home_have_names_and_moments_are_local(joldama: Joldama, edge: Edge) -> None:
    shown = joldama("referral", ID).stdout
    assert "The Near Center (near)" in shown
    assert "Almaty (1526384)" in shown
    assert "2026-11-22 13:00+05" in shown


def test_offers_and_history_are_told(joldama: Joldama, edge: Edge) -> None:
    shown = joldama("referral", ID).stdout
    assert "no_capacity" in shown
    assert "submitted → offered" in shown


def test_a_waiting_child_stands_in_every_queue(joldama: Joldama, edge: Edge) -> None:
    edge.story = STORY | {"state": "waiting", "center_id": None}
    assert "the child waits in all these queues" in joldama("referral", ID).stdout


QUEUE = {
    "programme_id": "near-1", "center_id": "near", "center_name": "The Near Center", "position": 3, "length": 12,
    "places": 4, "in_use": 4, "course_days": 21, "estimated_on": "2026-12-24", "how": "…", "reason": None,
}  # fmt: skip
FORECAST = {
    "estimated_on": "2026-12-24",
    "how": "Number 3 of 12 in the queue; at the latest.",
    "queues": [QUEUE, QUEUE | {"programme_id": "far-1", "estimated_on": None, "reason": "no_places"}],
}


def test_a_waiting_child_s_turn_is_shown_with_its_date_and_how_it_came_about(joldama: Joldama, edge: Edge) -> None:
    edge.story = STORY | {"state": "waiting", "center_id": None, "forecast": FORECAST}
    lines = joldama("referral", ID).stdout.splitlines()
    at = lines.index("Its turn: about 2026-12-24")
    assert [line.split() for line in lines[at + 2 : at + 4]] == [
        ["The", "Near", "Center", "near-1", "3", "of", "12", "4", "of", "4", "2026-12-24"],
        ["The", "Near", "Center", "far-1", "3", "of", "12", "4", "of", "4", "no", "places"],
    ]
    assert lines[at + 4] == FORECAST["how"]


def test_a_turn_that_is_not_known_now_says_why(joldama: Joldama, edge: Edge) -> None:
    edge.story = STORY | {"state": "waiting", "forecast": None, "forecast_missing": "rebuilding"}
    assert "Its turn is not known now: capacity is being rebuilt" in joldama("referral", ID).stdout


def test_a_referral_nobody_can_take_is_told_as_such(joldama: Joldama, edge: Edge) -> None:
    edge.story = STORY | {
        "state": "unplaceable", "offers": [],
        "decision": {"attempt": 1, "at": "2026-11-22T09:00:01Z", "candidates": [], "excluded": {"age": ["x"]}},
    }  # fmt: skip
    shown = joldama("referral", ID).stdout
    assert "Why no center: attempt 1" in shown
    assert "no programme accepts such a child" in shown


def test_a_referral_for_a_script_is_the_answer_itself(joldama: Joldama, edge: Edge) -> None:
    assert json.loads(joldama("referral", ID, "--json").stdout) == STORY


def test_the_center_that_has_the_offer_accepts(joldama: Joldama, edge: Edge) -> None:
    ended = joldama("accept", ID)
    assert (ended.exit_code, ended.stdout) == (0, f"Referral {ID} accepted\n")
    assert [(what, claims["roles"], claims["org"], body) for what, claims, body in edge.calls] == [
        ("read", ["operator"], "", None),
        ("accept", ["center"], "near", {}),
    ]


def test_a_decline_carries_its_reason(joldama: Joldama, edge: Edge) -> None:
    assert joldama("decline", ID, "--reason", "no_capacity", "--note", "flu").exit_code == 0
    assert edge.calls[-1][2] == {"reason": "no_capacity", "note": "flu"}


def test_the_user_may_choose_as_whom_to_act(joldama: Joldama, edge: Edge) -> None:
    joldama("accept", ID, "--as", "center", "--org", "far")
    assert [(claims["roles"], claims["org"]) for _, claims, _ in edge.calls] == [(["center"], "far")]


def test_a_given_token_is_used_as_it_is(joldama: Joldama, edge: Edge) -> None:
    printed = joldama("token", "admin").stdout.strip()
    joldama("accept", ID, "--token", printed)
    assert [claims["roles"] for _, claims, _ in edge.calls] == [["admin"]]


def test_nobody_answers_for_a_child_that_waits(joldama: Joldama, edge: Edge) -> None:
    edge.story = STORY | {"state": "waiting", "center_id": None}
    ended = joldama("accept", ID)
    assert ended.exit_code == 1
    assert "No center has an offer" in ended.stderr


def test_a_step_that_is_not_possible_now_says_what_is(joldama: Joldama, edge: Edge) -> None:
    moved = Problem(409, "illegal_transition", "accept is not possible while waiting", extra={"allowed_actions": []})
    ended = _answer_with(joldama, edge, moved)
    assert ended == (1, "accept is not possible while waiting (illegal_transition)\n  allowed now: nothing")


def test_a_wrong_field_is_named(joldama: Joldama, edge: Edge) -> None:
    code, told = _answer_with(joldama, edge, Problem.of_field("reason", "unknown_reason", "is no code"))
    assert (code, told) == (1, "reason: is no code (unknown_reason)")


@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 4), (404, 5), (412, 1), (500, 1)])
def test_each_kind_of_refusal_has_its_exit_code(joldama: Joldama, edge: Edge, status: int, code: int) -> None:
    ended = _answer_with(joldama, edge, Problem(status, "some_code", "Not so."))
    assert ended[0] == code
    assert ended[1].startswith("Not so. (some_code)")


def test_a_service_that_is_away_for_a_moment_is_asked_again(joldama: Joldama, edge: Edge) -> None:
    edge.problems = [Problem(503, "unavailable", "Try again shortly.")]
    assert joldama("referral", ID).exit_code == 0


def test_a_service_that_stays_away_ends_the_command(joldama: Joldama, edge: Edge) -> None:
    edge.problems = [Problem(503, "unavailable", "Try again shortly.")] * 9
    ended = joldama("referral", ID)
    assert (ended.exit_code, ended.stderr) == (3, "joldama: Try again shortly. (unavailable)\n")


def _answer_with(joldama: Joldama, edge: Edge, problem: Problem) -> tuple[int, str]:
    edge.problems = [problem]
    ended = joldama("accept", ID, "--as", "center", "--org", "near")
    assert ended.stdout == ""
    return ended.exit_code, ended.stderr.removeprefix("joldama: ").rstrip("\n")
