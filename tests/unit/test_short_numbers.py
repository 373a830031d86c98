"""A referral's short number, as it is printed and as people type it."""

import pytest

from services.contracts.short_numbers import read_short_number, short_number


def test_the_number_is_the_end_of_the_id() -> None:
    assert short_number("01937e5a-7b3c-7c2a-9d4e-0000001a2b3c") == "1A2B3C"


@pytest.mark.parametrize(
    "typed",
    [
        "1A2B3C", "1a2b3c", "№ 1A2B3C", "№1a2b3c", "# 1A2B3C", "No 1A2B3C", "N 1A2B3C", "no. 1a2b3c", " 1A2 B3C ",
        "1A-2B-3C", "1А2В3С", "1а2в3с", "№ 1А2Б3с", "lA2B3C", "ІA2BЗC",
    ],
)  # fmt: skip
def test_a_number_is_read_however_it_is_typed(typed: str) -> None:
    assert read_short_number(typed) == "1A2B3C"


def test_letters_that_look_like_a_zero_are_one() -> None:
    assert read_short_number("OО00дф") == "0000DF"


@pytest.mark.parametrize(
    "typed", ["", "1A2B3", "1A2B3CD", "200615600014", "1A2B3G", "№", "1A2B3C 1A2B3C", "x" * 10_000]
)
def test_what_is_no_number_is_none(typed: str) -> None:
    assert read_short_number(typed) is None


def test_every_number_that_is_printed_is_read_again() -> None:
    for number in range(0, 16**6, 4_099):
        printed = short_number(f"01937e5a-7b3c-7c2a-9d4e-000000{number:06x}")
        assert read_short_number(f"№ {printed}") == printed
