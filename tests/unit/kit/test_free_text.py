"""Notes in own words: a phone number or an IIN is found however it is spelled; dates, times and amounts pass."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.kit.http.free_text import RequiredFreeText, holds_number


@pytest.mark.parametrize(
    "text",
    [
        "call back 2026-12-01 10:30",
        "call back 01.12.2026 10:30:00, or 02.12.2026",
        "2026-12-01T10:30",
        "from 2026-12-01 to 2026-12-31",
        "1/12/2026 - 31/12/2026",
        "from 01.12.26-31.12.26, or 01.12.26 10:30",
        "between 9:00 and 18:30",
        "paid 150 000 000 тенге",
        "1 000 000,50 ₸ a course, 7 000 000 000 тг in all",
        "7.000.000.000 KZT",
        "protocol 12345678 of 2026",
        "weight 12.5 kg, height 98 cm, 36.6",
        "ICD G80.1, GMFCS 3, room 1204, 2nd floor",
        "bring 2026 forms 1, 2 and 3",
        "01.12.2026-05.12.2026",
        "01.12.2026\u201305.12.2026, 10/12/2026-15/12/2026",
        "2026-12-01-2026-12-05",
        "10.12-15.12.2026",
        "01.12.26, 02.12.26",
        "01.12.26; 02.12.26; 03.12.26",
        "10.30-11.45 01.12",
        "10:30-11:45, 12:00-13:30 01.12.2026",
        "01.12, 02.12, 03.12, 04.12",
        "палата 70 01.12.2026",
        "10.12-15.12 500 000 тг",
        "01.12-05.12.2026\n120/80, 36.6",
        "каб. 5, 12 000 тг",
        "каб. 204 10:30 5 мг",
        "каб. 204 10:30, 11:30, 12:30",
        "№ 123456 от 01.12.2026",
        "01.12.2026 10:30 - 05.12.2026 11:30",
        "08:00, 12:00, 16:00, 20:00",
        "37,5; 38,2; 36,9; 37,1",
        "50 000 - 70 000 тг",
        "1.12, 3.12, 5.12, 8.12, 10.12",
        "кабинет 12, 10:30, этаж 3",
        "12 000 000 тг",
        "5 000 сом",
        "5 000 рублей, 12000 сомов",
        "01.12.2026 7 000 000 000 тг",
        "2 x 250 мг, 3 раза, 10 дней",
        "250 мг x 2; 500 мг x 1",
        "G80.1; F84.0; Q90.9; H90.3",
        "Hb 120, L 7.5, СОЭ 12; 36.6\nАД 120/80",
        "120/80; 118/76; 122/82",
        "каб. 204; 205; 206; 207",
        "1. ЛФК\n2. массаж\n3. логопед",
        "",
        "без номеров",
    ],
)
def test_dates_times_and_amounts_pass(text: str) -> None:
    assert not holds_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "call +7 (701) 123-45-67",
        "8 701 123 45 67",
        "87011234567",
        "7011234567",
        "8.701.123.45.67",
        "8 7 0 1 1 2 3 4 5 6 7",
        "8_701_123_45_67",
        "мама 8 701 123 45 67 сомневается",
        "+7 701 123 45 67 сумма",
        "8 701 123 45 67 сом",
        "8 701 123 45 67 тг",
        "200101 500 123 тг",
        "0555 123 456 сом",
        "15.01.01 500 011",
        "8:701:123:45:67",
        "8;701;123;45;67",
        "8 \u2022 701 \u2022 123 \u2022 45 \u2022 67",
        "8\u00b7701\u00b7123\u00b745\u00b767",
        "8'701'123'45'67",
        "8~701~123~45~67",
        "8#701#123#45#67",
        "8 = 701 = 123 = 45 = 67",
        "8     701     123     45     67",
        "8 7О1 123 45 67",
        "8 7oo 12O 45 67",
        "8\n701\r\n123\n45\n67",
        "8 701 123 10.12",
        "8 701 123 10:30",
        "+7 701 123 10:30",
        "8-701-12:34-567",
        "8 70 11:23 45 67",
        "150101; 500017",
        "15.01.01, 500017",
        "8,701,123,45,67",
        "тел:8-701-123-45-67.",
        "８７０１１２３４５６７",
        "٨٧٠١١٢٣٤٥٦٧",
        "8\u00a0701\u2009123\u201145\u201167",
        "8701\u200b123\u200b4567",
        "at 2026-12-01 10:30 call 87011234567",
        "2026-12-01 8 701 123 45 67 10:30",
        "room 5 8 701 123 45 67 7",
        "+996 555 123 456",
        "0555 123 456",
        "+998 90 123 45 67",
        "998901234567",
        "00998901234567",
        "8 10 998 90 123 45 67",
        "+7 916 123 45 67",
        "+49 30 901820",
        "+44 20 7946 0958",
        "IIN 150101500017",
        "150101 500017",
        "15.01.01 500017",
        "15.01.01-50.00.11",
        "15 01 01 50 00 11",
        "1 5 0 1 0 1 5 0 0 0 1 1",
        "ИИН１５０１０１５０００１７",
    ],
)
def test_a_phone_number_or_an_iin_is_found_however_it_is_spelled(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(RequiredFreeText).validate_python(text)
    (error,) = refused.value.errors()
    assert error["type"] == "personal_data"
    assert "leave it out" in error["msg"]


numbers = st.sampled_from(["KZ", "RU", "KG", "UZ"]).map(lambda region: phonenumbers.example_number(region))
separators = st.sampled_from(["", " ", "-", ".", "\u00a0", "\u2009", "_", "\u2013"])


@given(numbers, separators, st.text("абвгд ,.!", max_size=20), st.text("абвгд ,.!", max_size=20))
def test_an_international_number_is_found_anywhere(
    number: phonenumbers.PhoneNumber, separator: str, before: str, after: str
) -> None:
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert holds_number(f"{before} {digits[:2]}{separator.join(digits[2:])} {after}")


gaps = st.lists(st.sampled_from(["", *" -.,:;/*#~'_=|\u2022\u00b7\u2013\n", " - ", "   "]), min_size=4, max_size=4)


@given(gaps, st.from_regex(r"[0-9]{7}", fullmatch=True))
def test_a_mobile_number_is_found_with_any_mixture_of_separators(gaps: list[str], last: str) -> None:
    groups = ["8", "701", last[:3], last[3:5], last[5:]]
    assert holds_number("мама " + "".join(map(str.__add__, groups, [*gaps, ""])) + " вечером")


@given(st.text(max_size=500))
def test_any_text_is_judged(text: str) -> None:
    assert holds_number(text) in (True, False)
