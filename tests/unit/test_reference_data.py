"""The reference data: complete, consistent, with a source of every row, known or assumed."""

import json
import re
from collections import Counter
from pathlib import Path

import holidays
import pytest

from services.contracts.reference import (
    WrongData,
    read_centers,
    read_days_off,
    read_icd10_codes,
    read_programmes,
    read_settlements,
    rows,
)
from services.contracts.vocabulary import Catchment, Modality

DATA = Path(__file__).parents[2] / "data"
ICD10 = read_icd10_codes(DATA)
DIAGNOSES = [row["code"] for row in rows(DATA / "diagnoses.csv")]
REGIONS = {row["id"] for row in rows(DATA / "regions.csv")}
SETTLEMENTS = read_settlements(DATA)
CENTERS = read_centers(DATA)
CENTER_ROWS = {row["id"]: row for row in rows(DATA / "centers.csv")}
PROGRAMMES = read_programmes(DATA)
PROGRAMME_ROWS = {row["id"]: row for row in rows(DATA / "programmes.csv")}
SEED = re.compile(r"00[0-4]_[0-9a-f]{16}\.txt")


def test_every_file_has_its_source_written_down() -> None:
    sources = (DATA / "SOURCES.md").read_text(encoding="utf-8")
    files = {file.name + "/" * file.is_dir() for file in DATA.iterdir()} - {"SOURCES.md", "__pycache__/"}
    assert {name for name in files if f"| `{name}` |" not in sources} == set()


@pytest.mark.parametrize("name", ["regions", "settlements", "centers", "programmes", "diagnoses", "icd10"])
def test_no_id_is_given_twice(name: str) -> None:
    table = list(rows(DATA / f"{name}.csv"))
    keys = [row.get("id") or row["code"] for row in table]
    assert len(keys) == len(set(keys)) > 0


def test_there_are_twenty_regions_and_each_has_settlements_a_boundary_and_places() -> None:
    assert len(REGIONS) == 20
    assert all(re.fullmatch(r"KZ-\d\d", region) for region in REGIONS)
    assert {place.region_id for place in SETTLEMENTS.values()} == REGIONS
    shapes = json.loads((DATA / "boundaries.geojson").read_text(encoding="utf-8"))["features"]
    assert sorted(shape["properties"]["id"] for shape in shapes) == sorted(REGIONS)
    assert {CENTERS[p.center_id].region_id for p in PROGRAMMES.values() if p.places} == REGIONS


def test_names_are_given_in_three_languages() -> None:
    for name in ("regions.csv", "settlements.csv", "centers.csv", "diagnoses.csv", "reasons.csv"):
        assert all(row["name_kk"] and row["name_ru"] and row["name_en"] for row in rows(DATA / name))


def test_reasons_are_coded_once_a_kind_and_each_kind_is_described() -> None:
    reasons = [(row["kind"], row["code"]) for row in rows(DATA / "reasons.csv")]
    kinds = {kind for kind, _ in reasons}
    assert len(reasons) == len(set(reasons))
    assert kinds == {
        "decline", "cancel", "no_show", "withdrawn_offer", "join", "consent", "unplaceable", "escalation", "outcome"
    }  # fmt: skip
    assert all(re.fullmatch(r"[a-z_]{1,40}", code) for _, code in reasons)
    assert all(f"`{kind}`" in (DATA / "SOURCES.md").read_text(encoding="utf-8") for kind in kinds)


def test_settlements_lie_in_kazakhstan() -> None:
    assert 330 <= len(SETTLEMENTS) <= 360
    assert all(40.5 < p.latitude < 55.5 and 46.4 < p.longitude < 87.4 for p in SETTLEMENTS.values())


def test_a_center_stands_in_its_settlement_and_region() -> None:
    for center in CENTERS.values():
        place = SETTLEMENTS[center.settlement_id]
        assert center.region_id == place.region_id
        assert (center.latitude, center.longitude) == (place.latitude, place.longitude)


def test_programmes_resolve_and_can_take_a_child() -> None:
    assert {programme.center_id for programme in PROGRAMMES.values()} == CENTERS.keys()
    for programme in PROGRAMMES.values():
        assert programme.places > 0
        assert programme.age_from_months < programme.age_under_months
        assert programme.modality is Modality.HOME_CARE or 14 <= programme.course_days <= 25
        assert all(any(code.startswith(prefix) for code in ICD10) for prefix in programme.icd10_prefixes)


def test_every_diagnosis_is_an_icd10_code() -> None:
    assert len(ICD10) == 12_246
    assert set(DIAGNOSES) <= ICD10


@pytest.mark.parametrize("months", [0, 6, 24, 60, 120, 200, 215])
def test_every_diagnosis_is_served_somewhere_for_the_whole_nation(months: int) -> None:
    nation = [p for p in PROGRAMMES.values() if p.catchment is Catchment.NATION]
    fitting = [p.icd10_prefixes for p in nation if p.age_from_months <= months < p.age_under_months]
    unserved = [code for code in DIAGNOSES if not any(code.startswith(prefixes) for prefixes in fitting)]
    assert unserved == []


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_every_region_serves_cerebral_palsy_at_each_age_of_the_early_window_and_after(region: str) -> None:
    here = [p for p in PROGRAMMES.values() if CENTERS[p.center_id].region_id == region and "G80" in p.icd10_prefixes]
    for months in (6, 35, 36, 120, 200):
        assert any(p.age_from_months <= months < p.age_under_months for p in here), months


def test_all_modalities_and_catchments_occur() -> None:
    assert {p.modality for p in PROGRAMMES.values()} == set(Modality)
    assert {p.catchment for p in PROGRAMMES.values()} == set(Catchment)


def test_the_places_add_up_to_the_nations() -> None:
    assert sum(programme.places for programme in PROGRAMMES.values()) == 4_130
    assert 75 <= len(CENTERS) <= 85


def test_the_groups_of_the_seeds_are_there_in_full() -> None:
    count = Counter(row["group"] for row in CENTER_ROWS.values())
    assert count["rehabilitation-fund"] == 8
    assert count["rehabilitation-fund"] + count["rehabilitation"] == 15
    assert count["inclusion"] == 16
    assert count["early-7"] == 7
    assert count["early-2023"] + count["qamqorlyq-shymkent"] == 13
    assert count["autism-2023"] == 8
    assert count["autism-resource"] == 4


def test_public_private_partnership_stands_in_the_ten_regions_that_the_seed_names() -> None:
    found = [row["region_id"] for row in CENTER_ROWS.values() if row["group"] == "ppp"]
    assert sorted(found) == [
        "KZ-15", "KZ-19", "KZ-23", "KZ-27", "KZ-39", "KZ-47", "KZ-59", "KZ-61", "KZ-63", "KZ-71",
    ]  # fmt: skip


def test_the_seven_early_centers_stand_in_seven_regions() -> None:
    assert len({row["region_id"] for row in CENTER_ROWS.values() if row["group"] == "early-7"}) == 7


@pytest.mark.parametrize(
    ("programme_id", "places"),
    [
        ("nurly-zhurek-astana-day-stay", 90),
        ("balam-ay-astana-day-stay", 91),
        ("disabled-children-society-astana-home-care", 93),
        ("korgau-astana-inpatient", 41),
    ],
)
def test_astanas_places_are_the_seeds_own(programme_id: str, places: int) -> None:
    assert PROGRAMMES[programme_id].places == places
    assert str(places) in PROGRAMME_ROWS[programme_id]["seed_figure"]


@pytest.mark.parametrize(
    ("programme_id", "children"), [("nccr-astana-inpatient", 4_200), ("qamqorlyq-shymkent-outpatient", 600)]
)
def test_children_a_year_are_the_seeds_own(programme_id: str, children: int) -> None:
    assert int(PROGRAMME_ROWS[programme_id]["children_a_year"]) == children


def test_places_derived_from_children_a_year_follow_from_the_course() -> None:
    derived = [row for row in PROGRAMME_ROWS.values() if row["children_a_year"]]
    assert len(derived) == 2 + 19 + 2 * 18
    for row in derived:
        assert int(row["places"]) == round(int(row["children_a_year"]) * int(row["course_days"]) / 365)
        assert row["derived"].endswith(f"rounded to {row['places']}")


def test_shymkent_and_almaty_take_the_children_whom_the_seeds_name() -> None:
    shymkent = PROGRAMMES["qamqorlyq-shymkent-outpatient"]
    assert (shymkent.age_from_months, shymkent.age_under_months) == (3, 36)
    for code in ("P07.3", "G80.1", "Q90.9", "Q04.0", "P14.0", "G96.9", "G71.0", "F83"):
        assert code.startswith(shymkent.icd10_prefixes), code
    almaty = [p for p in PROGRAMMES.values() if p.center_id == "almaty-cp-center"]
    assert {(p.age_from_months, p.age_under_months, p.icd10_prefixes) for p in almaty} == {(0, 168, ("G80",))}


@pytest.mark.parametrize("table", [CENTER_ROWS, PROGRAMME_ROWS], ids=["centers", "programmes"])
def test_every_row_names_its_seed_and_says_what_is_assumed(table: dict[str, dict[str, str]]) -> None:
    for row in table.values():
        assert all(SEED.fullmatch(seed) for seed in row["source"].split(";")), row["id"]
        assert row["assumed"], row["id"]


def test_places_without_a_figure_are_marked_as_assumed() -> None:
    for row in PROGRAMME_ROWS.values():
        if not row["derived"] and not re.search(rf"\b{row['places']}\b", row["seed_figure"]):
            assert "places: a share by weight" in row["assumed"], row["id"]


def test_a_center_that_no_seed_names_says_so() -> None:
    for row in CENTER_ROWS.values():
        if row["group"] in {"rehabilitation", "rehabilitation-fund", "ppp", "autism-2023", "inclusion"}:
            assert row["assumed"].startswith("name and town"), row["id"]


def test_each_exception_of_the_days_off_is_told_once_and_the_library_does_not_know_it() -> None:
    table, known = list(rows(DATA / "days_off.csv")), holidays.country_holidays("KZ", language="en_US")
    days = read_days_off(DATA)
    assert [row["date"] for row in table] == [day.isoformat() for day in sorted(days)], "in order, none twice"
    for day, worked in days.items():
        assert known.is_working_day(day) != worked or "estimated" in known.get(day, ""), f"{day} is known by now"


@pytest.mark.parametrize(
    "row", ["2026-11-28,off,", "2026-11-28,maybe,decree", "28.11.2026,off,decree", "2026-02-30,off,decree"]
)
def test_a_row_of_the_days_off_without_a_source_or_with_a_wrong_word_is_refused(row: str, tmp_path: Path) -> None:
    (tmp_path / "days_off.csv").write_text(f"date,day,source\n{row}\n")
    with pytest.raises(WrongData):
        read_days_off(tmp_path)


def test_a_settlements_assumed_names_are_marked_by_language() -> None:
    marks = {row["name_assumed"] for row in rows(DATA / "settlements.csv")}
    assert marks == {"", "kk", "ru", "kk;ru"}
