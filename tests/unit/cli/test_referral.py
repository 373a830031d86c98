"""`joldama referral` against a stub service."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama, StubApi

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
                 "from_state": "submitted", "to_state": "offered", "reason": None, "detail": None, "note_id": None}],
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


class Referrals(StubApi):
    """A stub of the referral service."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.story = STORY
        self.app.get("/v1/referrals/{id}")(self.read)

    async def read(self, id: str, request: Request) -> dict[str, Any]:
        self.note("read", request)
        return self.story


@pytest.fixture
def stub(harness: Harness) -> Iterator[Referrals]:
    stub = Referrals(harness)
    with harness.serve(stub.app):
        yield stub


def test_the_candidates_are_shown_in_order(joldama: Joldama, stub: Referrals) -> None:
    shown = joldama("referral", ID).stdout
    near = next(line for line in shown.splitlines() if "chosen" in line)
    far = next(line for line in shown.splitlines() if "The Far Center" in line)
    assert near.split() == ["1", "The", "Near", "Center", "near-1", "32", "3", "◀", "chosen"]
    assert far.split() == ["2", "The", "Far", "Center", "far-1", "1,204", "40"]


def test_excluded_programmes_are_counted_by_reason(joldama: Joldama, stub: Referrals) -> None:
    shown = joldama("referral", ID).stdout
    rows = [line.split() for line in shown.splitlines()]
    assert ["age", "4", "x-1,", "x-2,", "x-3", "…"] in rows
    assert ["already", "declined", "1", "nearest-1"] in rows
    assert "catchment" not in shown


def test_each_reason_that_occurs_is_explained(joldama: Joldama, stub: Referrals) -> None:
    excluded = {"modality": ["x"], "declined": ["y"], "distance": []}
    stub.story = STORY | {"decision": STORY["decision"] | {"excluded": excluded}}
    meanings = "modality: not asked for; declined: a center said no before, or has not answered of late\n"
    assert meanings in joldama("referral", ID).stdout


def test_of_an_offer_that_expired_it_is_told_from_when_on_the_center_is_asked_again(
    joldama: Joldama, stub: Referrals
) -> None:
    expired = STORY["offers"][0] | {"state": "expired", "reason": None, "passed_over_until": "2026-12-07T08:00:01Z"}
    stub.story = STORY | {"offers": [expired, STORY["offers"][1]]}
    shown = " ".join(joldama("referral", ID).stdout.split())
    assert "asked again from 2026-12-07 13:00" in shown


@pytest.mark.parametrize(("kilometers", "tied"), [(31.7, True), (31.8, False)])
def test_a_tie_with_the_chosen_is_explained(joldama: Joldama, stub: Referrals, kilometers: float, tied: bool) -> None:
    near, far = STORY["decision"]["candidates"]
    stub.story = STORY | {"decision": STORY["decision"] | {"candidates": [near, far | {"kilometers": kilometers}]}}
    told = "At the same distance the programme with more free places goes first." in joldama("referral", ID).stdout
    assert told is tied


def test_a_stale_candidate_is_marked_and_explained(joldama: Joldama, stub: Referrals) -> None:
    near, far = STORY["decision"]["candidates"]
    stale = [near, far | {"stale": True, "behind_km": 25.0}]
    stub.story = STORY | {"decision": STORY["decision"] | {"candidates": stale}}
    shown = joldama("referral", ID).stdout
    assert "40  stale, taken as 25 km farther\n" in shown
    assert "stale: the center had not confirmed how many places it has for days.\n" in shown


def test_center_and_home_have_names_and_moments_are_local(joldama: Joldama, stub: Referrals) -> None:
    shown = joldama("referral", ID).stdout
    assert "The Near Center (near)" in shown
    assert "Almaty (1526384)" in shown
    assert "2026-11-22 13:00+05" in shown


def test_offers_and_history_are_shown(joldama: Joldama, stub: Referrals) -> None:
    shown = joldama("referral", ID).stdout
    assert "no_capacity" in shown
    assert "submitted → offered" in shown


def test_a_waiting_child_is_in_every_queue(joldama: Joldama, stub: Referrals) -> None:
    stub.story = STORY | {"state": "waiting", "center_id": None}
    assert "the child waits in all these queues" in joldama("referral", ID).stdout


def opening(on: str, places: int = 1) -> dict[str, Any]:
    return {"on": on, "places": places}


FREE = [opening("2026-12-01", 2), opening("2026-12-04")]
QUEUE: dict[str, Any] = {
    "programme_id": "near-1", "center_id": "near", "center_name": "The Near Center", "position": 3, "length": 12,
    "places": 4, "in_use": 4, "free": 0, "course_days": 21, "next_free": FREE, "estimated_on": "2026-12-24",
    "reason": None,
}  # fmt: skip
FAR = QUEUE | {"programme_id": "far-1", "next_free": [], "estimated_on": None, "reason": "no_places"}
FORECAST: dict[str, Any] = {
    "estimated_on": "2026-12-24", "programme_id": "near-1", "answer_days": 3, "admit_days": 7, "queues": [QUEUE, FAR],
}  # fmt: skip
SOONER = "Sooner when those in front leave, later when more urgent children come or courses last longer."
STAY = "and each child in front keeps one for 31 days (3 to answer, 7 to come, 21 of course)"


def forecast_of(*queues: dict[str, Any]) -> dict[str, Any]:
    """A waiting referral with these queues, of which the first has the earliest date, if any has one."""
    day = queues[0]["estimated_on"]
    earliest = {"estimated_on": day, "programme_id": queues[0]["programme_id"] if day else None}
    return STORY | {"state": "waiting", "center_id": None, "forecast": FORECAST | earliest | {"queues": list(queues)}}


def test_a_waiting_child_s_queues_are_shown_with_the_date_and_how_it_was_computed(
    joldama: Joldama, stub: Referrals
) -> None:
    stub.story = forecast_of(QUEUE, FAR)
    lines = joldama("referral", ID).stdout.splitlines()
    at = lines.index("Queues: a place about 2026-12-24")
    assert [line.split() for line in lines[at + 2 : at + 4]] == [
        ["The", "Near", "Center", "near-1", "3", "of", "12", "4", "of", "4", "2026-12-24"],
        ["The", "Near", "Center", "far-1", "3", "of", "12", "4", "of", "4", "no", "places"],
    ]
    assert " ".join(" ".join(lines[at + 4 : at + 7]).split()) == (
        "At The Near Center (near-1), the earliest of 2 queues: Number 3 of 12 in the queue; 4 of 4 places are in use; "
        f"the next come free on 2026-12-01 (2), 2026-12-04, {STAY}. {SOONER}"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"position": 1, "free": 1}, "Number 1 of 12 in the queue; 4 of 4 places are in use; 1 is free now. Sooner"),
        ({"position": 1, "free": 2}, "in use; 2 are free now. Sooner"),
        ({"position": 1, "next_free": [opening("2026-12-01")]}, "in use; the next comes free on 2026-12-01. Sooner"),
        ({"position": 1, "next_free": []}, "in use; none comes free in the next 60 days. Sooner"),
        (
            {"next_free": [opening(f"2026-12-0{day}") for day in (1, 2, 3, 4)]},
            "the next come free on 2026-12-01, 2026-12-02, 2026-12-03 …, and each child in front",
        ),
    ],
)
def test_the_date_of_a_single_queue_is_explained(
    joldama: Joldama, stub: Referrals, changes: dict[str, Any], words: str
) -> None:
    stub.story = forecast_of(QUEUE | changes)
    shown = " ".join(joldama("referral", ID).stdout.split())
    assert words in shown
    assert "the earliest of" not in shown


def test_the_reason_is_shown_when_no_queue_has_a_date(joldama: Joldama, stub: Referrals) -> None:
    suspended = FAR | {"reason": "suspended"}
    stub.story = forecast_of(FAR, suspended, suspended)
    shown = joldama("referral", ID).stdout
    assert "Queues: no estimated date" in shown
    assert "None of the 3 queues has a date (no places: 1, suspended: 2)." in shown


def test_the_reason_is_shown_when_positions_are_not_known(joldama: Joldama, stub: Referrals) -> None:
    stub.story = STORY | {"state": "waiting", "forecast": None, "forecast_missing": "rebuilding"}
    assert "The queue positions are not known now: capacity is being rebuilt" in joldama("referral", ID).stdout


def test_a_programme_that_opened_while_the_child_waited_is_shown_with_its_day(
    joldama: Joldama, stub: Referrals
) -> None:
    near = {"center_id": "near", "center_name": "The Near Center", "since": "2026-11-22T09:00:00Z"}
    decided = near | {"programme_id": "near-1", "reason": "decided"}
    stub.story = STORY | {"state": "waiting", "queues": [decided]}
    assert "Opened while the child waited" not in joldama("referral", ID).stdout
    stub.story = STORY | {"queues": [decided, near | {"programme_id": "new-1", "reason": "opened"}]}
    lines = joldama("referral", ID).stdout.splitlines()
    at = lines.index("Opened while the child waited")
    assert lines[at + 2].split() == ["The", "Near", "Center", "new-1", "2026-11-22", "14:00+05"]
    assert lines[at + 3] == ""


def test_an_unplaceable_referral_shows_that_no_programme_accepts_the_child(joldama: Joldama, stub: Referrals) -> None:
    stub.story = STORY | {
        "state": "unplaceable", "offers": [],
        "decision": {"attempt": 1, "at": "2026-11-22T09:00:01Z", "candidates": [], "excluded": {"age": ["x"]}},
    }  # fmt: skip
    shown = joldama("referral", ID).stdout
    assert "Why no center: attempt 1" in shown
    assert "no programme accepts such a child" in shown


def test_json_output_is_the_service_s_answer(joldama: Joldama, stub: Referrals) -> None:
    assert json.loads(joldama("referral", ID, "--json").stdout) == STORY


def test_a_service_that_is_unavailable_for_a_moment_is_called_again(joldama: Joldama, stub: Referrals) -> None:
    stub.problems = [Problem(503, "unavailable", "Try again shortly.")]
    assert joldama("referral", ID).exit_code == 0


def test_a_service_that_stays_unavailable_ends_the_command(joldama: Joldama, stub: Referrals) -> None:
    stub.problems = [Problem(503, "unavailable", "Try again shortly.")] * 9
    ended = joldama("referral", ID)
    assert (ended.exit_code, ended.stderr) == (3, "joldama: Try again shortly. (unavailable)\n")
