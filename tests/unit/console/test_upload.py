"""The lines of an uploaded file, and the file of those to mend."""

import base64
from pathlib import Path
from typing import Any

from services.console.pages.upload_lines import PART, File
from services.console.words.i18n import read_words
from services.console.words.search import read_settlement_search
from services.contracts.vocabulary import Language

ENGLISH = read_words()[Language.ENGLISH]
PLACES = read_settlement_search(Path("data"))
HEADER = b"iin;full_name;settlement_id"


def refusal(line: int, field: str = "full_name", code: str = "missing", message: str = "") -> dict[str, Any]:
    error = {"field": field, "code": code, "message": message}
    return {"line": line, "status": 422, "code": "validation_failed", "detail": "", "errors": [error]}


def decoded(url: str) -> bytes:
    return base64.b64decode(url.partition("base64,")[2])


def test_each_part_has_the_header_and_each_line_its_number_in_the_file() -> None:
    file = File.read(b"\n".join([HEADER, *(b"%d;Name;1" % number for number in range(PART + 50))]))
    parts = list(file.parts())
    assert [part.count(b"\n") for _, part in parts] == [PART, 50], "so many lines after the header"
    assert all(part.startswith(HEADER + b"\n") for _, part in parts), "each part has the header"
    file.take(parts[1][0], refusal(2), ENGLISH, PLACES)
    assert (file.refused[0].number, file.refused[0].raw) == (PART + 2, b"%d;Name;1" % PART), "the line of the file"


def test_a_line_that_says_nothing_before_the_header_is_counted() -> None:
    file = File.read(b"sep=;\r\n" + HEADER + b"\r\n1;;1\r\n")
    file.take(0, refusal(2), ENGLISH, PLACES)
    assert file.refused[0].number == 3, "as the spreadsheet counts"


def test_lines_of_ndjson_have_no_header() -> None:
    file = File.read(b"{}\n" * 3)
    assert (file.csv, file.count) == (False, 3)
    file.take(0, refusal(3), ENGLISH, PLACES)
    assert decoded(file.to_mend()) == b"{}"


def test_a_file_to_mend_says_what_is_wrong_and_is_taken_as_it_is() -> None:
    file = File.read(HEADER + "\r\n1;Аты;1\r\n2;;Алматы\r\n".encode())
    near = "is no id of a settlement; did you mean 1526384, Almaty?"
    file.take(0, refusal(3, "settlement_id", "unknown_settlement", near), ENGLISH, PLACES)
    mended = decoded(file.to_mend())
    header, line = mended.splitlines()
    assert header == b"\xef\xbb\xbf" + HEADER + b";problem", "a spreadsheet reads it as UTF-8"
    assert line.decode().startswith("2;;Алматы;settlement_id: Write the place's number from the list of places"), line
    assert line.decode().endswith("(1526384 Almaty  Almaty)"), "what may be meant, without signs of CSV"
    again = File.read(mended)
    assert again.lines == [b"\xef\xbb\xbf" + HEADER, "2;;Алматы".encode()], "the column is left out"


def test_what_is_wrong_is_one_cell_in_the_files_own_code_page() -> None:
    file = File.read(HEADER + b"\n1;" + "Имя".encode("cp1251") + b";1")
    file.take(0, refusal(2, "full_name", "letter_lost"), read_words()[Language.RUSSIAN], PLACES)
    line = decoded(file.to_mend()).splitlines()[1]
    assert line.decode("cp1251").startswith("1;Имя;1;full_name: Буква превратилась")
    assert line.count(b";") == 3, "one cell more"


def test_the_same_content_has_the_same_key_and_other_content_another() -> None:
    first, same, other = (File.read(text).key for text in (b"a\n1", b"a\n1", b"a\n2"))
    assert first == same, "a repeat gets the first answers"
    assert first != other, "a mended file is another"
