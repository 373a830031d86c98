"""A list of children is uploaded, and mended."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.nurse import BORN, numbers
from tests.unit.intake.samples import iin_of

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]


def test_a_list_is_uploaded_and_what_is_wrong_comes_back_to_be_mended(nurse: Any, tmp_path: Path) -> None:
    page = nurse("ru", scripts=False).page
    header = "iin;full_name;birth_date;sex;guardian_name;guardian_phone;icd10;settlement_id;modalities"
    rows = [upload_row(next(numbers)) for _ in range(3)]
    rows[1] = rows[1].replace("1526384", "Алматы")
    answer = upload(page, tmp_path / "list.csv", "\r\n".join([header, *rows, ""]))
    expect(answer).to_contain_text("Направлено 2 ребёнка.")
    expect(page.locator("tbody tr")).to_have_text(re.compile(r"3\s*settlement_id: .*1526384"))
    with page.expect_download() as download:
        page.click("a[download]")
    to_mend = Path(download.value.path()).read_text("utf-8-sig")
    assert rows[1] in to_mend, "the row as it was"
    assert rows[0] not in to_mend, "what is recorded is not sent again"
    expect(upload(page, tmp_path / "mended.csv", to_mend.replace("Алматы", "1526384"))).to_contain_text(
        "Направлен 1 ребёнок."
    )
    again = upload(page, tmp_path / "list.csv", "\r\n".join([header, *rows, ""]))
    expect(again).to_contain_text("Направлено 2 ребёнка.")


def test_a_file_without_a_header_is_refused_with_what_to_do(nurse: Any, tmp_path: Path) -> None:
    page = nurse(scripts=False).page
    page.goto("/upload")
    page.click("main form button")
    expect(page.locator("#f-file-error")).to_contain_text("Choose a file")
    expect(upload(page, tmp_path / "no.csv", "a;b\n1;2\n")).to_contain_text("The first line does not name the columns")
    expect(upload(page, tmp_path / "children.xlsx", "PK\x03\x04\x14\0\n\n")).to_contain_text("then “CSV UTF-8”")
    for nobody in ("", "iin;full_name\n", "\n\niin;full_name\r\n;\r\n", ";;\n", "\ufeff", "sep=;\r\n", "\xa0\n"):
        expect(upload(page, tmp_path / "empty.csv", nobody)).to_contain_text("There is no child in this file")


def upload_row(number: int) -> str:
    iin = iin_of(BORN, "female", number)
    return f"{iin};Үлгі Бала {number};17.05.2019;female;Үлгі Ана;+770156{number:05d};G80.1;1526384;inpatient"


def upload(page: Page, file: Path, text: str) -> Any:
    """Upload a file with that text; the page's content when it has ended."""
    file.write_text(text, "utf-8")
    page.goto("/upload")
    page.set_input_files('[name="file"]', file)
    page.click("main form button")
    return page.locator("main")
