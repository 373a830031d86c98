"""Made-up children are valid submissions, follow the country's figures, and are the same for the same seed."""

import io
import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.cli.demo_children import (
    REFERENCE_DAY,
    demo_children,
    expected_weights,
    read_incidence,
    write_demo_children,
)
from services.contracts.iin import read_iin
from services.contracts.reference import read_settlements, rows
from services.contracts.submissions import NEWBORN_DAYS, DiagnosisSubmission
from services.contracts.vocabulary import Modality

DATA = Path(__file__).parents[2] / "data"
SETTLEMENTS = read_settlements(DATA)
INCIDENCE = read_incidence(DATA)
CODES = [row["code"] for row in rows(DATA / "diagnoses.csv")]
COUNT = 20_000


def _lines(count: int, seed: int, today: date = REFERENCE_DAY) -> list[str]:
    out = io.StringIO()
    write_demo_children(out, count, seed, DATA, today)
    return out.getvalue().splitlines()


@pytest.fixture(scope="module")
def bodies() -> list[dict[str, Any]]:
    return list(demo_children(COUNT, 1, list(SETTLEMENTS.values()), INCIDENCE, CODES, REFERENCE_DAY))


def test_the_same_seed_gives_the_same_lines_and_another_seed_others() -> None:
    assert _lines(50, seed=7) == _lines(50, seed=7)
    assert _lines(50, seed=7) != _lines(50, seed=8)


def test_without_a_day_the_lines_stay_valid_for_years() -> None:
    out = io.StringIO()
    write_demo_children(out, 2_000, 7, DATA)
    children = [json.loads(line)["child"] for line in out.getvalue().splitlines()]
    assert all("iin" in child for child in children)
    assert min(date.fromisoformat(child["birth_date"]) for child in children) > date(2011, 9, 1)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    assert _lines(60, seed=7)[:50] == _lines(50, seed=7)


def test_another_day_moves_birth_dates_and_nothing_else() -> None:
    later = REFERENCE_DAY + timedelta(days=400)
    for one, other in zip(_lines(50, 7), _lines(50, 7, later), strict=True):
        first, second = json.loads(one), json.loads(other)
        born = [date.fromisoformat(body["child"].pop("birth_date")) for body in (first, second)]
        assert born[1] - born[0] == timedelta(days=400)
        assert first["settlement_id"] == second["settlement_id"]
        assert first["diagnosis"] == second["diagnosis"]
        assert first["guardian"] == second["guardian"]


def test_every_body_is_a_valid_submission(bodies: list[dict[str, Any]]) -> None:
    for body in bodies[:3_000]:
        submission = DiagnosisSubmission.model_validate_json(json.dumps(body))
        assert submission.settlement_id in SETTLEMENTS
        assert submission.diagnosis.icd10 in CODES
        assert len(set(submission.modalities)) == len(submission.modalities)
        assert submission.diagnosis.gmfcs is None or submission.diagnosis.icd10.startswith("G80")


def test_every_iin_says_the_childs_birth_date_and_sex_and_is_given_once(bodies: list[dict[str, Any]]) -> None:
    children = [body["child"] for body in bodies]
    for child in children:
        if "iin" in child:
            facts = read_iin(child["iin"])
            assert (str(facts.birth_date), facts.sex) == (child["birth_date"], child["sex"])
    given = [child["iin"] for child in children if "iin" in child]
    assert len(given) == len(set(given))


def test_only_a_few_newborns_have_no_iin(bodies: list[dict[str, Any]]) -> None:
    without = [body["child"] for body in bodies if "iin" not in body["child"]]
    assert 0 < len(without) < COUNT * 0.02
    assert all((REFERENCE_DAY - date.fromisoformat(c["birth_date"])).days <= NEWBORN_DAYS for c in without)


@pytest.mark.parametrize("today", [REFERENCE_DAY, date(2028, 2, 29), date(2027, 3, 1), date(2026, 12, 31)])
def test_children_are_born_and_under_eighteen(today: date) -> None:
    eighteen = today.replace(year=today.year - 18, day=min(today.day, 28))
    for line in _lines(2_000, 3, today):
        assert eighteen < date.fromisoformat(json.loads(line)["child"]["birth_date"]) < today


def test_homes_follow_incidence_times_population_in_every_region(bodies: list[dict[str, Any]]) -> None:
    places = list(SETTLEMENTS.values())
    weights = expected_weights(places, INCIDENCE)
    expected: Counter[str] = Counter()
    for place, weight in zip(places, weights, strict=True):
        expected[place.region_id] += weight / sum(weights)  # type: ignore[assignment]
    found = Counter(SETTLEMENTS[body["settlement_id"]].region_id for body in bodies)
    for region, share in expected.items():
        deviation = (share * (1 - share) / COUNT) ** 0.5
        assert abs(found[region] / COUNT - share) < 4 * deviation, region


def test_a_child_of_almaty_is_as_much_likelier_than_one_of_astana_as_the_seed_says(
    bodies: list[dict[str, Any]],
) -> None:
    almaty, astana = "1526384", "1526273"
    homes = Counter(body["settlement_id"] for body in bodies)
    rate = {home: homes[home] / (SETTLEMENTS[home].population or 0) for home in (almaty, astana)}
    assert rate[almaty] / rate[astana] == pytest.approx(150 / 125, rel=0.08)


def test_the_incidence_is_the_seeds_own() -> None:
    assert INCIDENCE == {"KZ-75": 150, "KZ-71": 125, "KZ-23": 108.3, "KZ-31": 107, "KZ": 84}


def test_ages_and_diagnoses_have_the_shares_that_are_documented(bodies: list[dict[str, Any]]) -> None:
    days = [(REFERENCE_DAY - date.fromisoformat(body["child"]["birth_date"])).days for body in bodies]
    assert sum(age <= 1_095 for age in days) / COUNT == pytest.approx(0.20, abs=0.01)
    assert sum(age > 5_112 for age in days) / COUNT == pytest.approx(0.10, abs=0.01)
    palsy = sum(body["diagnosis"]["icd10"].startswith("G80") for body in bodies)
    assert palsy / COUNT == pytest.approx(50 / 91, abs=0.02)
    assert {body["diagnosis"]["icd10"] for body in bodies} == set(CODES)


def test_no_older_child_has_a_newborns_diagnosis(bodies: list[dict[str, Any]]) -> None:
    for body in bodies:
        age = (REFERENCE_DAY - date.fromisoformat(body["child"]["birth_date"])).days
        assert age < 2 * 366 or not body["diagnosis"]["icd10"].startswith("P")


def test_all_modalities_are_asked_for_and_some_families_stay_near(bodies: list[dict[str, Any]]) -> None:
    assert {wish for body in bodies for wish in body["modalities"]} == {modality.value for modality in Modality}
    assert sum("max_distance_km" in body for body in bodies) / COUNT == pytest.approx(0.25, abs=0.02)
    assert {body.get("priority") for body in bodies} == {None, "urgent", "high"}


def test_phones_are_in_the_range_that_no_operator_uses(bodies: list[dict[str, Any]]) -> None:
    assert all(body["guardian"]["phone"].startswith("+7600") for body in bodies)
    assert {len(body["guardian"]["phone"]) for body in bodies} == {12}


def test_codes_that_lack_a_group_of_diagnoses_are_refused() -> None:
    with pytest.raises(ValueError, match="codes: none starts with G80"):
        list(demo_children(1, 1, list(SETTLEMENTS.values()), INCIDENCE, ["F84.0"]))
