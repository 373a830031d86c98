"""The parser of the IIN, against a published library on random numbers, and at the borders of the rules."""

import random
from datetime import date

import pytest
from kz_iin_validator import safe_validate_iin  # type: ignore[import-untyped]

from services.contracts.iin import IinFacts, InvalidIin, check_digit, read_iin
from services.contracts.vocabulary import Sex

BORN = "150228"


def _whole(eleven: str) -> str:
    digit = check_digit(eleven)
    assert digit is not None
    return f"{eleven}{digit}"


def _ours(iin: str) -> tuple[date, str] | None:
    try:
        facts = read_iin(iin)
    except InvalidIin:
        return None
    return (facts.birth_date, facts.sex.value) if facts.birth_date and facts.sex else None


def _theirs(iin: str) -> tuple[date, str] | None:
    found, _ = safe_validate_iin(iin)
    return (found.born_date.datetime.date(), found.gender.name) if found else None


def _numbers(kind: str, chance: random.Random) -> str:
    """Random digits; digits that begin as a date might; or those with the check digit that fits, if one does."""
    if kind == "digits":
        return f"{chance.randrange(10**12):012d}"
    date_like = f"{chance.randrange(100):02d}{chance.randrange(14):02d}{chance.randrange(33):02d}"
    eleven = f"{date_like}{chance.randrange(10)}{chance.randrange(10_000):04d}"
    digit = check_digit(eleven) if kind == "checked" else None
    return f"{eleven}{chance.randrange(10) if digit is None else digit}"


@pytest.mark.parametrize("kind", ["digits", "date_like", "checked"])
def test_we_agree_with_the_published_validator(kind: str) -> None:
    chance = random.Random(kind)
    for _ in range(5_000):
        iin = _numbers(kind, chance)
        assert _ours(iin) == _theirs(iin), iin


def test_the_oracle_saw_both_kinds_of_numbers() -> None:
    chance = random.Random("checked")
    taken = [_ours(_numbers("checked", chance)) is not None for _ in range(5_000)]
    assert 1_000 < sum(taken) < 4_000


def test_a_wrong_check_digit_is_always_refused() -> None:
    whole = _whole(f"{BORN}50123")
    for digit in set("0123456789") - {whole[-1]}:
        with pytest.raises(InvalidIin, match="check digit"):
            read_iin(whole[:-1] + digit)


def _unnoticed(position: int) -> int:
    """How many of the nine typos at `position` of one number pass."""
    whole = _whole(f"{BORN}50123")
    typos = [whole[:position] + digit + whole[position + 1 :] for digit in "0123456789" if digit != whole[position]]
    return sum(_ours(typo) is not None for typo in typos)


def test_nearly_every_mistyped_digit_but_the_eleventh_is_noticed() -> None:
    """Not each: a typo that makes the first row leave ten is judged by the second, which may give the same digit."""
    assert sum(_unnoticed(position) for position in range(12) if position != 10) <= 1


def test_a_mistyped_eleventh_digit_passes() -> None:
    """Its weight is eleven and the remainder is by eleven, so the first row never sees it: the IIN's own limit."""
    assert _unnoticed(10) == 9


@pytest.mark.parametrize(
    ("seventh", "year", "sex"),
    [
        ("1", 1815, Sex.MALE), ("2", 1815, Sex.FEMALE), ("3", 1915, Sex.MALE),
        ("4", 1915, Sex.FEMALE), ("5", 2015, Sex.MALE), ("6", 2015, Sex.FEMALE),
    ],
)  # fmt: skip
def test_the_seventh_digit_says_century_and_sex(seventh: str, year: int, sex: Sex) -> None:
    facts = read_iin(_whole(f"{BORN}{seventh}0123"))
    assert (facts.birth_date, facts.sex) == (date(year, 2, 28), sex)


@pytest.mark.parametrize(
    "iin", ["", "1", "15022850123", "1502285012345", "15022850123a", "١٥٠٢٢٨٥٠١٢٣٤", " 5022850123"]
)
def test_what_is_not_twelve_digits_is_refused(iin: str) -> None:
    with pytest.raises(InvalidIin, match="must be twelve digits"):
        read_iin(iin)


@pytest.mark.parametrize("seventh", "0789")
def test_a_seventh_digit_without_a_century_says_nothing_and_is_no_error(seventh: str) -> None:
    assert read_iin(_whole(f"{BORN}{seventh}0123")) == IinFacts(None, None)


def test_a_day_that_does_not_exist_says_no_birth_date_and_a_leap_day_does() -> None:
    assert read_iin(_whole("15022950123")) == IinFacts(None, Sex.MALE)
    assert read_iin(_whole("16022950123")).birth_date == date(2016, 2, 29)


def test_where_both_rows_of_weights_leave_ten_no_number_is_issued() -> None:
    barred = [f"{BORN}5{serial:04d}" for serial in range(10_000) if check_digit(f"{BORN}5{serial:04d}") is None]
    assert barred
    for digit in "0123456789":
        with pytest.raises(InvalidIin, match="check digit"):
            read_iin(barred[0] + digit)


def test_a_refusal_never_repeats_the_number() -> None:
    whole = _whole(f"{BORN}50123")
    wrong = whole[:-1] + str((int(whole[-1]) + 1) % 10)
    with pytest.raises(InvalidIin) as refused:
        read_iin(wrong)
    assert wrong not in str(refused.value)
    assert not any(letter.isdigit() for letter in str(refused.value))
