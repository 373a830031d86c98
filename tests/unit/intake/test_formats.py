"""Rows of CSV as people and spreadsheets write them."""

import pytest

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
