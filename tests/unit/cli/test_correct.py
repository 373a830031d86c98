"""`joldama correct` and `joldama join`: what is sent to which path, in whose name, and what is said."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Request

from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama, StubApi

ID, CHILD = "019a2b3c-0000-7000-8000-000000000001", "019a2b3c-0000-7000-8000-00000000000c"
OTHER_ID, OTHER = "019a2b3c-0000-7000-8000-000000000002", "019a2b3c-0000-7000-8000-00000000000d"


class Intake(StubApi):
    """A stub of intake, and of the referral service that names the polyclinic."""

    def __init__(self, harness: Harness) -> None:
        super().__init__(harness)
        self.corrects = {"children": ["guardian.phone"], "diagnoses": ["modalities"]}
        self.children = {ID: CHILD}
        self.warns: list[dict[str, str]] = []
        self.app.get("/v1/referrals/{id}")(self.referral)
        self.app.get("/v1/diagnoses/{id}")(self.read)
        self.app.patch("/v1/{kind}/{id}")(self.patch)
        self.app.post("/v1/children/{id}/join")(self.join)

    async def referral(self, id: str) -> dict[str, Any]:
        if id not in self.children:
            raise Problem(404, "not_found", "There is none.")
        return {"id": id, "polyclinic_id": "p1", "child_id": self.children[id]}

    async def read(self, id: str) -> dict[str, Any]:
        return {"referral_id": id, "child_id": CHILD}

    async def join(self, id: str, request: Request) -> dict[str, Any]:
        self.note(f"join {id}", request, await request.json())
        return {"child_id": id, "referral_id": ID, "ended_referral_id": CHILD}

    async def patch(self, kind: str, id: str, request: Request) -> dict[str, Any]:
        body = await request.json()
        checked = "?check" if request.query_params.get("check") == "true" else ""
        self.note(f"{kind}/{id}{checked}", request, body)
        return {"kind": kind, "corrected": [] if checked else self.corrects[kind], "warnings": self.warns}


@pytest.fixture
def intake(harness: Harness) -> Iterator[Intake]:
    stub = Intake(harness)
    with harness.serve(stub.app):
        yield stub


def test_what_is_the_childs_and_what_is_the_diagnosis_goes_where_it_belongs(joldama: Joldama, intake: Intake) -> None:
    ended = joldama(
        "correct", ID, "--phone", "+77010000001", "--birth-date", "2019-12-31", "--gmfcs", "", "--modalities",
        "inpatient; day_stay", "--max-distance-km", "300",
    )  # fmt: skip
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert " ".join(ended.stdout.split()) == f"Referral {ID} corrected: guardian.phone, modalities"
    child = {"child": {"birth_date": "2019-12-31"}, "guardian": {"phone": "+77010000001"}}
    rest = {"diagnosis": {"gmfcs": None}, "modalities": "inpatient; day_stay", "max_distance_km": "300"}
    assert intake.calls == [
        (f"diagnoses/{ID}?check", "polyclinic", "p1", rest),
        (f"children/{CHILD}", "polyclinic", "p1", child),
        (f"diagnoses/{ID}", "polyclinic", "p1", rest),
    ]


def test_nothing_to_correct_is_a_usage_error(joldama: Joldama, intake: Intake) -> None:
    assert joldama("correct", ID).exit_code == 2
    assert intake.calls == []


@pytest.mark.parametrize("typed", ["1.000", "1e3", "nan", "inf", "600,5", "1 000", "50 km", "far"])
def test_a_distance_is_sent_as_it_was_typed(joldama: Joldama, intake: Intake, typed: str) -> None:
    assert joldama("correct", ID, "--max-distance-km", typed).exit_code == 0
    assert [call[3] for call in intake.calls] == [{"max_distance_km": typed}]


def test_when_the_diagnosis_is_refused_the_child_is_not_corrected(joldama: Joldama, intake: Intake) -> None:
    intake.problems = [Problem.of_field("max_distance_km", "ambiguous_number", "may be two")]
    ended = joldama("correct", ID, "--max-distance-km", "1.000", "--phone", "+77010000001")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert [call[0] for call in intake.calls] == [f"diagnoses/{ID}?check"]


def test_what_was_so_already_is_no_correction(joldama: Joldama, intake: Intake) -> None:
    intake.corrects["children"] = []
    shown = joldama("correct", ID, "--phone", "+77010000001").stdout
    assert " ".join(shown.split()) == f"Nothing changed: referral {ID} is so already"


def test_a_warning_is_shown_as_at_submission(joldama: Joldama, intake: Intake) -> None:
    intake.warns = [{"field": "child.sex", "code": "iin_sex_mismatch", "message": "is another"}]
    ended = joldama("correct", ID, "--sex", "male")
    assert (ended.exit_code, ended.stderr.strip()) == (0, "child.sex: is another (iin_sex_mismatch)")


def test_bytes_that_are_no_text_are_a_usage_error(joldama: Joldama, intake: Intake) -> None:
    ended = joldama("correct", ID, "--name", "\udcff")
    assert (ended.exit_code, "not UTF-8" in ended.stderr, intake.calls) == (2, True, [])


def test_a_refused_field_is_named(joldama: Joldama, intake: Intake) -> None:
    intake.problems = [Problem.of_field("guardian.phone", "invalid_phone", "is no phone number")]
    ended = joldama("correct", ID, "--phone", "1")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "guardian.phone: is no phone number" in ended.stderr


def test_an_operator_joins_two_children(joldama: Joldama, intake: Intake) -> None:
    ended = joldama("join", CHILD, OTHER)
    assert (ended.exit_code, ended.stderr) == (0, "")
    told = f"Child {OTHER} is child {CHILD}; referral {ID} stays, referral {CHILD} ends"
    assert " ".join(ended.stdout.split()) == told
    assert intake.calls == [(f"join {CHILD}", "operator", "", {"child_id": OTHER})]


@pytest.mark.parametrize(("stays", "joined"), [(ID, OTHER_ID), (ID, OTHER), (CHILD, OTHER_ID)])
def test_two_children_are_joined_by_their_referrals(joldama: Joldama, intake: Intake, stays: str, joined: str) -> None:
    intake.children[OTHER_ID] = OTHER
    assert joldama("join", stays, joined).exit_code == 0
    assert intake.calls == [(f"join {CHILD}", "operator", "", {"child_id": OTHER})]


@pytest.mark.parametrize(("named", "told"), [(OTHER, f"joldama join {OTHER} {CHILD}"), (None, "an operator can join")])
def test_an_iin_of_another_child_names_the_command_that_joins(
    joldama: Joldama, intake: Intake, named: str | None, told: str
) -> None:
    extra = {"child_id": named} if named else {}
    intake.problems = [Problem(409, "iin_taken", "POST /v1/children/{child_id}/join", extra=extra)]
    ended = joldama("correct", ID, "--iin", "200615600014")
    assert (ended.exit_code, ended.stdout, "POST" in ended.stderr) == (1, "", False)
    assert f"if it is the same child: {told}" in ended.stderr
