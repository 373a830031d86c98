"""What a person meant by a word."""

import pytest

from services.contracts.near_matches import Named, did_you_mean, resolve
from services.contracts.reference import read_centers, read_regions
from services.kit.settings import CHECKOUT

REGIONS = read_regions(CHECKOUT / "data")
CENTERS = [Named(one.id, (one.name_kk, one.name_ru, one.name_en)) for one in read_centers(CHECKOUT / "data").values()]


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ("KZ-75", "KZ-75"), ("kz-75", "KZ-75"), (" KZ 75 ", "KZ-75"), ("Almaty", "KZ-75"), ("Алматы", "KZ-75"),
        ("алматы қаласы", "KZ-75"), ("Город Алматы", "KZ-75"), ("г. Алматы", "KZ-75"),
        ("Астана қ.", "KZ-71"), ("Almaty Region", "KZ-19"),
        ("Алматы облысы", "KZ-19"), ("Алматинская область", "KZ-19"), ("алматинская", "KZ-19"), ("Karaganda", "KZ-35"),
        ("Қарағанды", "KZ-35"), ("ШЫМКЕНТ", "KZ-79"), ("Область Абай", "KZ-10"), ("Абай", "KZ-10"),
        ("East Kazakhstan", "KZ-63"), ("Шығыс Қазақстан облысы", "KZ-63"), ("Kazakhstan", None), ("KZ", None),
        ("", None), ("—", None), ("Atlantis", None),
    ],
)  # fmt: skip
def test_a_region_is_found_by_its_id_or_any_of_its_names(text: str, id: str | None) -> None:
    assert resolve(text, REGIONS) == id


def test_every_name_of_every_region_and_center_finds_it() -> None:
    for every in (REGIONS, CENTERS):
        names = [name for one in every for name in one.names]
        for one in every:
            for name in (one.id, *one.names):
                if names.count(name) <= 1:
                    assert resolve(name.upper(), every) == one.id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Almaty", "; did you mean KZ-75, Almaty?"), ("Алматы", "; did you mean KZ-75, Almaty?"),
        ("Almatty", "; did you mean KZ-75, Almaty or "), ("Караганда", "KZ-35, Karaganda Region"),
        ("KZ75", "KZ-75, Almaty"), ("Kazakhstan", "KZ-27, West Kazakhstan Region or"), ("Astna", "KZ-71, Astana"),
    ],
)  # fmt: skip
def test_near_matches_are_named(text: str, words: str) -> None:
    assert words in did_you_mean(text, REGIONS)


@pytest.mark.parametrize("text", ["", "x", "—", "Atlantis", "\x00", "1" * 10_000])
def test_what_resembles_nothing_has_none(text: str) -> None:
    assert did_you_mean(text, REGIONS) == ""


def test_a_center_is_near_by_a_typo_and_by_its_town() -> None:
    assert "almaty-cp-center" in did_you_mean("almaty-cp-centr", CENTERS)
    assert "Karagandy" in did_you_mean("Karaganda", CENTERS)
