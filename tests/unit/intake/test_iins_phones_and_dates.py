"""IINs, phones and dates as people and spreadsheets write them."""

from datetime import date

import pytest

from tests.unit.intake.samples import iin_of, meant

NBSP, ZERO_WIDTH = "\u00a0", "\u200b"
IIN = iin_of(date(2000, 3, 15), "female", 7)
"""It begins with two zeros, which a spreadsheet drops."""
NEW_YEARS_EVE = date(2019, 12, 31)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (f" {IIN}{NBSP}", IIN),
        (f"{IIN[:6]} {IIN[6:]}", IIN),
        (f"{IIN[:6]}-{IIN[6:]}", IIN),
        (f"{IIN[:6]}{ZERO_WIDTH}{IIN[6:]}", IIN),
        (f"'{IIN}", IIN),
        (f'="{IIN}"', IIN),
        (f"{IIN},00", IIN),
        (IIN.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")), IIN),
        (200615600014, "200615600014"),
        (200615600014.0, "200615600014"),
        (2e11, 2e11),
        ("2,0E+11", "refused: scientific_notation"),
        ("2.00616E+11", "refused: scientific_notation"),
        ("2e11", "refused: scientific_notation"),
        (IIN.lstrip("0"), "refused: iin_zeros_lost"),
        (int(IIN), "refused: iin_zeros_lost"),
        ("12345", "refused: iin_not_twelve_digits"),
        ("000000000000", "refused: no_iin"),
        ("0000 0000 0000", "refused: no_iin"),
        ("000000500010", "refused: no_iin"),
        ("1" * 12, "refused: no_iin"),
        (999999999999, "refused: no_iin"),
        (f"-{IIN}", "refused: iin_not_twelve_digits"),
        ("О00315600014", "refused: iin_not_twelve_digits"),
        (True, True),
    ],
)
def test_an_iin(typed: object, found: object) -> None:
    assert meant("child.iin", typed) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("8 701 123 45 67", "+77011234567"),
        (f"8{NBSP}701{NBSP}123-45-67", "+77011234567"),
        ("+7 (701) 123-45-67", "+77011234567"),
        ("(+7) 701.123.45.67", "+77011234567"),
        ("77011234567", "+77011234567"),
        ("7011234567", "+77011234567"),
        (77011234567, "+77011234567"),
        (77011234567.0, "+77011234567"),
        ("８７０１１２３４５６７", "+77011234567"),
        ("+7\u2011701\u2011123\u201145\u201167", "+77011234567"),
        ("8 7272 12 34 56", "+77272123456"),
        ("87011234567,0", "+77011234567"),
        ("8 701 123 45 67;", "+77011234567"),
        ("+8 701 123 45 67", "+77011234567"),
        ("+8 (701) 1234567", "+77011234567"),
        ("+86 10 6552 9988", "+861065529988"),
        ("+7701123456７", "+77011234567"),
        ("+٧٧٠١١٢٣٤٥٦٧", "+77011234567"),
        ("+7 600 000 00 01", "+76000000001"),
        ("+996 555 123 456", "+996555123456"),
        ("996555123456", "+996555123456"),
        ("00 996 555 123456", "+996555123456"),
        ("8 10 998 90 123 45 67", "+998901234567"),
        ("998 90 123-45-67", "+998901234567"),
        ("+7 916 123-45-67", "+79161234567"),
        ("8 916 123 45 67", "+79161234567"),
        ("+49 30 901820", "+4930901820"),
        ("8 701 123 45 6", "refused: invalid_phone"),
        ("8701", "refused: invalid_phone"),
        ("+7701SECRET", "refused: phone_form"),
        ("8 701 123 45 67, 8 702 123 45 67", "refused: phone_form"),
        ("8 701 123 45 67 ext. 5", "refused: phone_form"),
        ("7,7E+10", "refused: scientific_notation"),
        ("нет", "refused: phone_form"),
    ],
)
def test_a_phone_number(typed: object, found: str) -> None:
    assert meant("guardian.phone", typed) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("2019-12-31", NEW_YEARS_EVE),
        ("31.12.2019", NEW_YEARS_EVE),
        (f"{NBSP}31.12.2019 г.", NEW_YEARS_EVE),
        ("31. 12. 2019.", NEW_YEARS_EVE),
        ("31/12/2019", NEW_YEARS_EVE),
        ("31-12-2019", NEW_YEARS_EVE),
        ("12/31/2019", NEW_YEARS_EVE),
        ("2019.12.31", NEW_YEARS_EVE),
        ("2019/12/31", NEW_YEARS_EVE),
        ("2019-12-31T00:00:00", NEW_YEARS_EVE),
        ("31.12.2019 0:00:00", NEW_YEARS_EVE),
        ("43830", NEW_YEARS_EVE),
        ("43830,0", NEW_YEARS_EVE),
        (43830, NEW_YEARS_EVE),
        ("31.12.2019 г.р.", NEW_YEARS_EVE),
        ("31.12.2019г.р.", NEW_YEARS_EVE),
        ("31.12.2019 года рождения", NEW_YEARS_EVE),
        ("31 декабря 2019", NEW_YEARS_EVE),
        ("31 декабря 2019 года", NEW_YEARS_EVE),
        ("31-дек-2019", NEW_YEARS_EVE),
        ("31 желтоқсан 2019 ж.", NEW_YEARS_EVE),
        ("15 марта 2019", date(2019, 3, 15)),
        ("15 мая 2019 г.", date(2019, 5, 15)),
        ("15 маусым 2019", date(2019, 6, 15)),
        ("15 мамыр 2019", date(2019, 5, 15)),
        ("31 апреля 2019", "refused: no_such_day"),
        ("15 числа 2019", "refused: date_form"),
        ("15 марта 19", "refused: date_form"),
        ("3.2.2019", date(2019, 2, 3)),
        ("02/02/2019", date(2019, 2, 2)),
        ("03/02/2019", "refused: ambiguous_date"),
        ("3-2-2019", "refused: ambiguous_date"),
        ("31.12.19", "refused: two_digit_year"),
        ("31.02.2019", "refused: no_such_day"),
        ("2019-02-30", "refused: no_such_day"),
        ("43830.5", "refused: date_form"),
        ("31.12.2019 10:30", "refused: date_form"),
        ("31122019", "refused: date_form"),
        (1592179200, "refused: date_form"),
        ("1592179200", "refused: date_form"),
        (True, "refused: date_form"),
        ([], "refused: date_form"),
        ("4,383E+04", "refused: scientific_notation"),
    ],
)
def test_a_birth_date(typed: object, found: object) -> None:
    assert meant("child.birth_date", typed) == found
