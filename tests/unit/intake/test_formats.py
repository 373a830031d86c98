"""Rows of CSV as people and spreadsheets write them."""

import pytest

from services.contracts.csv_rows import is_blank
from services.contracts.submissions import CSV_COLUMNS
from services.intake.handlers.formats import BulkSubmission, Csv
from services.intake.handlers.parsing import Unparsed

CELLS = {
    "iin": "200615600014",
    "full_name": "Тестова Бала",
    "birth_date": "15.06.2020",
    "sex": "ж",
    "guardian_name": "Тестова Ана",
    "guardian_phone": "8 701 000 00 00",
    "icd10": "G80.1",
    "gmfcs": "III",
    "settlement_id": "1526384",
    "modalities": "inpatient",
    "max_distance_km": "",
    "priority": "",
}  # fmt: skip


def row(**changes: str) -> bytes:
    return ";".join((CELLS | changes).values()).encode()


def read(line: bytes, header: str = ";".join(CSV_COLUMNS)) -> BulkSubmission:
    return Csv(header.encode()).read(line)


def refused(line: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Unparsed) as caught:
        read(line)
    return [(one.field, one.code) for one in caught.value.errors]


@pytest.mark.parametrize("cell", ['"', '"Иванова', '"Иванова ""Анна""', '""Иванова'])
@pytest.mark.parametrize("modalities", ["inpatient", '"inpatient;day_stay"'])
@pytest.mark.parametrize("column", ["full_name", "guardian_name", "iin"])
def test_the_cell_with_an_open_quotation_mark_is_named(column: str, cell: str, modalities: str) -> None:
    ((field, code),) = refused(row(**{column: cell}, modalities=modalities))
    assert (field, code) in [(column, "open_quote"), ("line", "invalid_csv")]
    if cell != '""Иванова':
        assert field == column


@pytest.mark.parametrize("name", ['Иванова "Аня"', "“Аня”", '"с ""кавычками"""'])
def test_quotation_marks_around_a_part_of_a_name_are_kept(name: str) -> None:
    assert "Аня" in (found := read(row(full_name=name)).child.full_name) or found == 'с "кавычками"'


RUSSIAN = row().decode().encode("cp1251")
SHORT = [row(full_name=name, guardian_name="Ли", sex="ж").decode().encode("cp1251") for name in ("Ли", "Ivanova")]


@pytest.mark.parametrize("line", SHORT)
def test_a_row_without_a_long_word_is_read_as_the_others_of_its_file_are(line: bytes) -> None:
    file = Csv(";".join(CSV_COLUMNS).encode())
    with pytest.raises(Unparsed):
        file.read(line)
    file.look_through([line, RUSSIAN])
    assert (file.read(line).guardian.full_name, file.read(line).child.sex) == ("Ли", "female")


@pytest.mark.parametrize("other", [row(), row(full_name="Әлия")])
def test_in_a_file_with_utf8_a_stray_byte_is_no_letter(other: bytes) -> None:
    file = Csv(";".join(CSV_COLUMNS).encode())
    file.look_through([other, RUSSIAN])
    for line in SHORT:
        with pytest.raises(Unparsed) as caught:
            file.read(line)
        assert {one.code for one in caught.value.errors} == {"invalid_utf8"}


def test_a_letter_of_another_page_beside_latin_ones_is_not_read_as_cyrillic() -> None:
    file = Csv(";".join(CSV_COLUMNS).encode())
    file.look_through([RUSSIAN])
    with pytest.raises(Unparsed, match="not a submission"):
        file.read(row(full_name="JosQ", guardian_name="A", sex="f").replace(b"Q", b"\xe9"))


@pytest.mark.parametrize("dash", ["-", " — ", "–", "--"])
def test_a_dash_is_an_empty_cell_of_what_is_optional(dash: str) -> None:
    found = read(row(iin=dash, gmfcs=dash, max_distance_km=dash, priority=dash))
    assert (found.child.iin, found.diagnosis.gmfcs, found.max_distance_km, found.priority) == (None, None, None, None)


def test_a_dash_for_what_must_be_given_is_refused() -> None:
    assert refused(row(guardian_name="-", icd10="-", modalities="-")) == [
        ("guardian.full_name", "no_name"),
        ("diagnosis.icd10", "missing"),
        ("modalities.0", "enum"),
    ]


@pytest.mark.parametrize("cells", ["inpatient;day_stay", "inpatient; Day stay; home_care", "стационар;на дому"])
@pytest.mark.parametrize("distance", ["", "50"])
def test_modalities_without_quotes_are_told_so(cells: str, distance: str) -> None:
    assert refused(row(modalities=cells, max_distance_km=distance)) == [("line", "split_modalities")]


@pytest.mark.parametrize("name", ["№", "№ п/п", "#"])
def test_a_column_that_numbers_the_rows_is_read_over(name: str) -> None:
    header = ";".join((name, *CSV_COLUMNS))
    assert read(b"17;" + row(), header) == read(row())
    with pytest.raises(Unparsed) as caught:
        read(b'"17;' + row(), header)
    assert [one.field for one in caught.value.errors] == ["line"]


@pytest.mark.parametrize("first", ["sep=;", "\ufeffsep=;\r\n", '"sep=,"', "SEP=\t", "sep=;;;"])
def test_a_line_that_names_the_delimiter_is_no_row(first: str) -> None:
    assert is_blank(first.encode())
    assert not is_blank(f"{first}1;2".encode())


@pytest.mark.parametrize("page", ["cp866", "mac_cyrillic", "koi8_r", "koi8_u", "iso8859_5", "utf_16_le"])
def test_a_row_in_another_cyrillic_code_page_is_refused_and_not_taken_with_other_letters(page: str) -> None:
    line = row(full_name="Айша Смагулова", guardian_name="Турсын Айша").decode().encode(page)
    assert {code for _, code in refused(line)} <= {"invalid_utf8", "wrong_cells"}


def test_a_row_in_windows_page_is_read_with_its_signs() -> None:
    line = row(full_name="Петрова-Ёлкина Анна", guardian_name="Iвановна «Анна» – мать").decode().encode("cp1251")
    assert read(line).child.full_name == "Петрова-Ёлкина Анна"


def test_other_children_are_named_in_a_cell_also_as_in_json() -> None:
    header = ";".join((*CSV_COLUMNS, "not_duplicate_of"))
    assert read(row() + b";[]", header).not_duplicate_of == ()
    ids = "01a2229e-c3a9-743d-bcf4-a6d73917946b", "01a2229e-c3aa-726a-929c-840483a37ebc"
    assert [str(one) for one in read(row() + f';"[{ids[0]}, {ids[1]}]"'.encode(), header).not_duplicate_of or ()] == [
        *ids
    ]
