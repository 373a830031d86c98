"""Reading a file of submissions in parts."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.failures import Failure
from services.cli.submissions import Format, Part, Submissions


def parts(content: bytes, name: str = "-", size: int = 2, kind: Format | None = None) -> list[Part]:
    return list(Submissions(io.BytesIO(content), name, kind).parts(size))


def lines(found: list[Part]) -> list[int]:
    return [record.line for part in found for record in part.records]


def test_ndjson_is_cut_into_parts_of_whole_lines() -> None:
    found = parts(b'{"a":1}\n{"a":2}\n{"a":3}')
    assert [part.body for part in found] == [b'{"a":1}\n{"a":2}\n', b'{"a":3}\n']
    assert found[-1].read == 23


def test_blank_lines_are_counted_and_not_sent() -> None:
    assert lines(parts(b'\n{"a":1}\n\r\n{"a":2}\n')) == [2, 4]


def test_every_part_of_a_csv_has_the_header() -> None:
    found = parts(b"iin,sex\n1,male\n2,female\n3,male\n")
    assert [part.body for part in found] == [b"iin,sex\n1,male\n2,female\n", b"iin,sex\n3,male\n"]
    assert lines(found) == [2, 3, 4]


def test_a_csv_with_semicolons_and_a_byte_order_mark_is_read_as_spreadsheets_save_it() -> None:
    found = parts(b'\xef\xbb\xbfiin;modalities\r\n1;"inpatient;day_stay"\r\n')
    assert [part.body for part in found] == [b'iin;modalities\n1;"inpatient;day_stay"\n']


def test_empty_rows_are_counted_and_not_sent() -> None:
    found = parts(b'iin;sex;\n;;\n1;male;\n" ";"";\n\xc2\xa0;;\n2;male\n')
    assert lines(found) == [3, 6]
    assert [part.body for part in found] == [b"iin;sex;\n1;male;\n2;male\n"]


def test_a_quoted_line_break_does_not_split_a_row() -> None:
    found = parts(b'name,sex\n"Two\nlines",male\nx,male\n')
    assert lines(found) == [2, 4]
    assert found[0].records[0].content == b"Two lines,male\n"


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"{}", "-", Format.NDJSON),
        (b"iin,sex\n", "-", Format.CSV),
        (b"\xef\xbb\xbf{}", "-", Format.NDJSON),
        (b"{}", "children.CSV", Format.CSV),
        (b"iin", "children.jsonl", Format.NDJSON),
        (b"", "-", Format.NDJSON),
    ],
)
def test_the_format_is_known_by_name_or_first_line(content: bytes, name: str, kind: Format) -> None:
    assert Submissions(io.BytesIO(content), name).kind is kind


def test_a_given_format_overrides_name_and_first_line() -> None:
    assert Submissions(io.BytesIO(b"{}"), "children.ndjson", Format.CSV).kind is Format.CSV


@pytest.mark.parametrize("row", [b"\xc0\xe9,male", b'"a"b,male', b'"a,male', b'a","b'])
def test_a_row_that_cannot_be_read_is_sent_as_it_is_and_the_others_too(row: bytes) -> None:
    found = parts(b"name,sex\nx,male\n" + row + b"\ny,female\n", size=9)
    assert lines(found) == [2, 3, 4]
    assert found[0].body == b"name,sex\nx,male\n" + row + b"\ny,female\n"


def test_a_quotation_mark_that_is_not_closed_costs_its_own_row() -> None:
    rows = [b'"open,male'] + [b"x,male"] * 30 + [b'"Two', b'lines",male'] + [b"y,male"] * 3
    found = parts(b"name,sex\n" + b"\n".join(rows), size=99)
    assert lines(found) == [*range(2, 34), *range(35, 38)]
    assert found[0].records[0].content == b'"open,male\n'
    assert found[0].records[31].content == b"Two lines,male\n"


def test_an_open_quotation_mark_before_a_quoted_cell_costs_its_own_row() -> None:
    found = parts(b'name,sex\n"open,male\nx,"male"\n"y",male\n', size=9)
    assert [record.content for record in found[0].records] == [b'"open,male\n', b'x,"male"\n', b'"y",male\n']


@given(st.lists(st.text(st.sampled_from('a,"\n;é'), max_size=6), max_size=30))
def test_no_row_of_any_file_is_lost(rows: list[str]) -> None:
    content = "name,sex\n" + "\n".join(rows)
    found = parts(content.encode(), size=999)
    sent = b"".join(record.content for part in found for record in part.records)
    kept = [sign for sign in content.partition("\n")[2] if sign not in ',";\n ']
    assert [sign for sign in sent.decode() if sign not in ',";\n '] == kept


@pytest.mark.parametrize(
    "content",
    [
        b"200315500012,Child 1,male\n",
        b"hello\nworld\n",
        b"iin,sex\r1,male\r2,female\r",
        b"PK\x03\x04\x14\0\n",
        b"\0\1\2",
        b"\xff\xe0\n",
        "{}\n".encode("utf-16"),
    ],
)
@pytest.mark.parametrize("kind", [None, Format.CSV])
def test_another_kind_of_file_is_refused_with_the_needed_header(content: bytes, kind: Format | None) -> None:
    with pytest.raises(Failure, match="neither NDJSON nor CSV with a header") as refused:
        parts(content, kind=kind)
    assert "must be the header: iin, full_name, birth_date" in str(refused.value)
    assert "200315500012" not in str(refused.value)


def test_a_binary_file_called_ndjson_is_refused() -> None:
    with pytest.raises(Failure, match="neither NDJSON nor CSV"):
        parts(b"\0\1\2", "children.ndjson")


def test_a_line_that_is_too_long_is_cut_and_still_too_long() -> None:
    found = parts(b"x" * 9_000_000 + b'\n{"a":2}\n', kind=Format.NDJSON)
    assert lines(found) == [1, 2]
    assert 64 * 1024 < len(found[0].records[0].content) < 70_000
    assert found[0].read == 9_000_009


def test_an_endless_file_is_read_part_by_part() -> None:
    class Endless(io.RawIOBase):
        def readline(self, size: int | None = -1, /) -> bytes:
            return b'{"a":1}\n'

    first = next(Submissions(Endless(), "-").parts(500))  # type: ignore[arg-type]
    assert len(first.records) == 500


COLUMNS = "iin;full_name;guardian_name;guardian_phone;modalities;priority"


@pytest.mark.parametrize(
    "rows",
    [
        ['1;A;";701;inpatient;', '2;B;";702;inpatient;', "3;C;D;703;inpatient;"],
        ['1;A;"Иванова;701;inpatient;', '2;B;Петрова";702;inpatient;', "3;C;D;703;inpatient;"],
        ['1;"A;I;701;inpatient;', '2;B";P;702;inpatient;', "3;C;D;703;inpatient;"],
        ['1;A;"I;701;inpatient', '2;B;P";702;inpatient;', "3;C;D;703;inpatient;"],
        ['1;A;"I;701;inpatient;', "2;B;P;702;inpatient;", '3;C;D";703;inpatient;', "4;D;E;704;inpatient;"],
        ['1;A;I;701;"inpatient;', '2;B;P;702;inpatient";', "3;C;D;703;inpatient;"],
        ['1;A;I;701;inpatient;"', '2;B;P;702;inpatient;"', "3;C;D;703;inpatient;"],
    ],
)
def test_a_quotation_mark_swallows_no_row(rows: list[str]) -> None:
    found = parts("\n".join([COLUMNS, *rows]).encode(), size=9)
    assert [one.content.decode() for one in found[0].records] == [f"{row}\n" for row in rows]


def test_a_line_break_in_quotes_is_joined_also_before_cells_that_a_spreadsheet_adds() -> None:
    rows = '1;"Two\nlines";I;701;inpatient;;\n2;B;P;702;"inpatient;\nday_stay";high;;\n'
    found = parts(f"{COLUMNS}\n{rows}".encode(), size=9)
    assert [one.content.decode() for one in found[0].records] == [
        "1;Two lines;I;701;inpatient;;\n",
        '2;B;P;702;"inpatient; day_stay";high;;\n',
    ]


def test_a_first_line_that_names_the_delimiter_is_skipped() -> None:
    found = parts(b"\xef\xbb\xbfsep=;\r\niin;sex\r\n1;male\r\n")
    assert (lines(found), found[0].body) == ([3], b"iin;sex\n1;male\n")
