"""Reading a file of submissions in parts."""

import io

import pytest

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
    assert [part.body for part in found] == [b"iin,modalities\n1,inpatient;day_stay\n"]


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


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"name,sex\n\xc0\xe9,male\n", "line 2 is not UTF-8"), (b'name,sex\n"a"b,male\n', "line 2 is no CSV")],
)
def test_a_line_that_cannot_be_read_is_named(content: bytes, says: str) -> None:
    with pytest.raises(Failure, match=says):
        parts(content)


@pytest.mark.parametrize(
    "content",
    [
        b"200315500012,Child 1,male\n",
        b"hello\nworld\n",
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
