"""The rules for a submission on a given day."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.iin import check_digit
from services.contracts.submissions import DiagnosisSubmission
from services.contracts.vocabulary import Priority
from services.intake.bootstrap import read_reference
from services.intake.domain.ages import age_in_months
from services.intake.domain.priorities import decide_priority
from services.intake.domain.validation import check_submission, warn_of
from services.kit.settings import CHECKOUT
from tests.unit.intake.samples import REFERENCE, TODAY, iin_of, submission

ALL = read_reference(CHECKOUT / "data")


def codes(found: DiagnosisSubmission, today: date = TODAY) -> set[tuple[str, str]]:
    return {(error.field, error.code) for error in check_submission(found, today, REFERENCE)}


def born(when: date, sex: str = "female", **changes: Any) -> DiagnosisSubmission:
    iin = iin_of(when, sex, 7)
    given: dict[str, Any] = {"child__iin": iin, "child__birth_date": when.isoformat(), "child__sex": sex}
    return submission(**given | changes)


def test_a_valid_submission_has_no_errors() -> None:
    assert codes(submission()) == set()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"child__iin": "200615600015"}, ("child.iin", "invalid_iin")),
        ({"child__iin": None}, ("child.iin", "iin_required")),
        ({"diagnosis__icd10": "G99.99"}, ("diagnosis.icd10", "unknown_icd10")),
        ({"settlement_id": "atlantis"}, ("settlement_id", "unknown_settlement")),
        ({"modalities": ["inpatient", "day_stay", "inpatient"]}, ("modalities.2", "duplicate_modality")),
    ],
)
def test_each_rule_names_its_field(changes: dict[str, Any], error: tuple[str, str]) -> None:
    assert codes(submission(**changes)) == {error}


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"child__birth_date": "2015-01-02"}, ("child.birth_date", "iin_birth_date_mismatch")),
        ({"child__sex": "male"}, ("child.sex", "iin_sex_mismatch")),
        ({"child__iin": f"1501010{1234}{check_digit('15010101234')}"}, ("child.iin", "iin_without_century")),
        ({"child__iin": f"1502316{1234}{check_digit('15023161234')}"}, ("child.iin", "iin_without_date")),
    ],
)
def test_what_the_iin_says_otherwise_is_a_warning_and_an_error_only_when_asked_for(
    changes: dict[str, Any], warning: tuple[str, str]
) -> None:
    found = submission(**changes)
    assert codes(found) == set()
    assert [(one.field, one.code) for one in warn_of(found)] == [warning]
    assert [(one.field, one.code) for one in check_submission(found, TODAY, REFERENCE, strict=True)] == [warning]


def test_a_mistyped_iin_has_no_warnings_beside_its_error() -> None:
    assert warn_of(submission(child__iin="200615600015", child__sex="male")) == []


def test_all_errors_are_found_at_once() -> None:
    wrong = submission(child__iin=None, diagnosis__icd10="X", settlement_id="x", modalities=["inpatient"] * 2)
    assert len(check_submission(wrong, TODAY, REFERENCE)) == 4


def test_icd10_codes_are_accepted_in_small_letters() -> None:
    assert codes(submission(diagnosis__icd10=" g80.1 ")) == set()


def test_a_child_is_under_eighteen_until_its_birthday() -> None:
    assert codes(born(date(2008, 11, 21))) == set()
    assert codes(born(date(2008, 11, 20))) == {("child.birth_date", "not_a_child")}


def test_a_child_may_be_born_today_but_not_tomorrow() -> None:
    assert codes(born(TODAY)) == set()
    tomorrow = TODAY + timedelta(days=1)
    assert codes(born(tomorrow)) == {("child.birth_date", "born_in_future")}
    assert codes(submission(child__iin=None, child__birth_date=tomorrow.isoformat())) == {
        ("child.birth_date", "born_in_future")
    }


@pytest.mark.parametrize(("days", "allowed"), [(0, True), (60, True), (61, False)])
def test_only_a_newborn_may_have_no_iin(days: int, allowed: bool) -> None:
    when = (TODAY - timedelta(days=days)).isoformat()
    assert (codes(submission(child__iin=None, child__birth_date=when)) == set()) is allowed


@pytest.mark.parametrize(
    ("months", "clinician", "expected"),
    [
        (35, None, Priority.URGENT),
        (35, Priority.ROUTINE, Priority.URGENT),
        (36, None, Priority.ROUTINE),
        (36, Priority.HIGH, Priority.HIGH),
        (200, Priority.URGENT, Priority.URGENT),
    ],
)
def test_priority_is_urgent_under_36_months_or_as_the_clinician_says(
    months: int, clinician: Priority | None, expected: Priority
) -> None:
    assert decide_priority(months, clinician) is expected


children = st.dates(TODAY - timedelta(days=18 * 365), TODAY)


@given(children, st.sampled_from(["female", "male"]))
def test_a_child_with_a_consistent_iin_is_accepted(when: date, sex: str) -> None:
    assert codes(born(when, sex)) == set()


@given(children, children)
def test_a_birth_date_is_warned_of_exactly_when_the_iin_has_another(says: date, stated: date) -> None:
    found = born(says, child__birth_date=stated.isoformat())
    assert codes(found) == set()
    assert ([one.code for one in warn_of(found)] == ["iin_birth_date_mismatch"]) is (says != stated)


@given(children, st.sampled_from([0, 1, 2, 3, 4, 5, 6, 11]), st.integers(1, 9))
def test_an_iin_with_a_wrong_digit_in_date_sex_or_check_is_refused_or_warned_of(
    when: date, place: int, more: int
) -> None:
    right = iin_of(when, "female", 7)
    wrong = right[:place] + str((int(right[place]) + more) % 10) + right[place + 1 :]
    found = submission(child__iin=wrong, child__birth_date=when.isoformat())
    assert check_submission(found, TODAY, REFERENCE, strict=True) != []


@given(children, st.integers(0, 4000))
def test_age_grows_by_one_month_at_a_time(when: date, days: int) -> None:
    today = when + timedelta(days=days)
    age, next_age = age_in_months(when, today), age_in_months(when, today + timedelta(days=1))
    assert 0 <= age <= next_age <= age + 1
    assert abs(age - days / 30.4375) < 1.1


@pytest.mark.parametrize(
    ("born_on", "today", "months"),
    [
        (date(2024, 1, 31), date(2024, 2, 29), 0),
        (date(2024, 1, 31), date(2024, 3, 1), 1),
        (date(2024, 2, 29), date(2025, 2, 28), 11),
        (date(2023, 11, 20), date(2026, 11, 19), 35),
        (date(2023, 11, 20), date(2026, 11, 20), 36),
    ],
)
def test_age_counts_completed_months(born_on: date, today: date, months: int) -> None:
    assert age_in_months(born_on, today) == months


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("Алматы", "; did you mean 1526384, Алматы?"),
        ("г. Алматы", "; did you mean 1526384, Алматы?"),
        ("Almaty", "; did you mean 1526384, Алматы?"),
        ("Алмты", "; did you mean 1526384, Алматы"),
        ("9999999", None),
    ],
)
def test_a_settlement_by_its_name_is_refused_with_its_id(typed: str, near: str | None) -> None:
    (error,) = check_submission(submission(settlement_id=typed), TODAY, replace(ALL, icd10_codes={"G80.1"}))
    assert (error.field, error.code) == ("settlement_id", "unknown_settlement")
    assert near is None or near in error.message
    assert typed == "Алматы" or typed not in error.message.partition("as 1526384 for Almaty")[2]
