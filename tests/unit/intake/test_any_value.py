"""Whatever is typed in any field, nothing is raised but the refusal, and what is read back is what was meant."""

import json
import time
from contextlib import suppress
from datetime import date

import orjson
import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.contracts.submissions import SubmissionRequest
from services.contracts.vocabulary import Gmfcs, Modality, Priority, Sex
from services.intake.domain.field_errors import FieldError
from services.intake.domain.normalizing import FIELDS, REFUSED, normalize
from services.intake.domain.values.dates import day as read_day
from services.intake.domain.values.typed import Refused
from services.intake.handlers.parsing import Unparsed, every_error, parse
from services.kit.messages import ENGLISH
from tests.unit.intake.samples import REFERENCE, TODAY, child_body, meant

NBSP, ZERO_WIDTH = "\u00a0", "\u200b"

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
typed_like = st.text(st.sampled_from("0123456789 .,-+/()EeIІVМмЖж\u00a0\u200b\ud800\udcff\x00٣Ⅲ;\"'="), max_size=20)


@given(
    st.sampled_from([*FIELDS, "child", "guardian", "diagnosis", "strict", "extra", "modalities"]), anything | typed_like
)
@example("settlement_id", "'=V1VE8")
@example("settlement_id", ';",,')
def test_any_value_in_any_field_is_taken_or_refused_with_a_sentence_of_the_catalog(path: str, value: object) -> None:
    body = child_body() | {"consent": {"text_version": "1", "language": "kk", "given_on": "2026-01-01"}}
    group, _, key = path.rpartition(".")
    (body[group] if group else body)[key] = value
    try:
        found = parse(SubmissionRequest, json.dumps(body).encode())
    except Unparsed as refused:
        for one in every_error(refused, TODAY, REFERENCE):
            assert one.code in ENGLISH, one
            orjson.dumps([one.field, one.message])
    else:
        again = parse(SubmissionRequest, found.model_dump_json(exclude_none=True).encode())
        assert again == found


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_submission_or_refused(body: bytes) -> None:
    with pytest.raises(Unparsed) as caught:
        parse(SubmissionRequest, body)
    assert every_error(caught.value, TODAY, REFERENCE)


@given(anything | typed_like)
@example('";.=" 1')
def test_a_field_is_normalized_or_refused_and_normal_stays_normal(value: object) -> None:
    for path, normal in FIELDS.items():
        with suppress(Refused):
            once = normal(value)
            if path != "child.birth_date":
                assert normal(once) == once, path


@given(
    st.dates(date(2000, 1, 1), date(2030, 12, 31)),
    st.sampled_from(["{0:%d.%m.%Y}", "{0:%Y-%m-%d}", "{1}", "{0:%d/%m/%Y}"]),
)
def test_a_date_is_read_as_it_was_written_or_refused(day: date, form: str) -> None:
    found = meant("child.birth_date", form.format(day, (day - date(1899, 12, 30)).days))
    assert found == day or (found == "refused: ambiguous_date" and "/" in form and day.day <= 12)


spaces = st.sampled_from(["", " ", NBSP, "\u2009", ZERO_WIDTH, "-"])


@given(st.from_regex(r"7(01|02|05|47|71|77)[0-9]{7}", fullmatch=True), st.sampled_from(["+7", "8", "7", ""]), spaces)
def test_a_mobile_number_is_read_however_it_is_written(national: str, prefix: str, space: str) -> None:
    written = f"{prefix}{space}{space.join([national[:3], national[3:6], national[6:8], national[8:]])}"
    assert meant("guardian.phone", written) == f"+7{national}"


@given(st.sampled_from(["KG", "UZ", "RU", "TJ", "TM", "CN", "DE"]), st.sampled_from([0, 1, 2]))
def test_an_international_number_is_stored_as_the_library_writes_it(region: str, form: int) -> None:
    number = phonenumbers.example_number(region)
    assert number
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert meant("guardian.phone", phonenumbers.format_number(number, form)) in [e164, "refused: invalid_phone"]
    assert meant("guardian.phone", e164) == e164


CODES = [
    *(("child.sex", one.value) for one in Sex),
    *(("diagnosis.gmfcs", one.value) for one in Gmfcs),
    *(("priority", one.value) for one in Priority),
    *(("modalities", one.value) for one in Modality),
    ("diagnosis.icd10", "H90.3"),
]  # fmt: skip
ALIKE = dict(zip("ABEHKMOPCTYXI", "АВЕНКМОРСТУХІ", strict=True))


@given(st.sampled_from(CODES), st.data())
def test_a_code_is_read_in_any_case_and_with_letters_that_look_alike(
    code: tuple[str, str], data: st.DataObject
) -> None:
    path, word = code
    written = "".join(
        data.draw(st.sampled_from([one, one.lower(), one.upper(), ALIKE.get(one.upper(), one)])) for one in word
    )
    assert meant(path, f"{data.draw(spaces.filter(lambda s: s != '-'))}{written} ") == (
        [word] if path == "modalities" else word
    )


@pytest.mark.parametrize("path", FIELDS)
def test_a_long_value_is_read_in_a_moment(path: str) -> None:
    began = time.process_time()
    for text in (f"I{' ' * 60_000}x", f"1{' ' * 60_000}x", f"G80.1{' -' * 30_000}1", "Р°" * 30_000):
        meant(path, text)
    assert time.process_time() - began < 5, "it takes 0.05 s; backtracking would take minutes"


def test_a_refused_value_fits_no_shape_and_no_rule_judges_it() -> None:
    body, errors = normalize(child_body(child__birth_date=1592179200))
    assert body["child"]["birth_date"] is REFUSED
    assert errors == [FieldError.of("child.birth_date", "date_form")]


def test_serial_dates_count_as_spreadsheets_do() -> None:
    assert read_day("36526") == date(2000, 1, 1)
    assert read_day(str(43830 + 1)) == date(2020, 1, 1)
