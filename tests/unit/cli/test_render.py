"""Tables: what can be copied is never broken."""

from io import StringIO

import pytest
from rich.console import Console

from services.cli.render import table

ID = "019a2b3c-0000-7000-8000-000000000001"
LONG = "Республиканский детский реабилитационный центр"


def test_an_id_is_whole_on_a_narrow_terminal_and_other_columns_give_way() -> None:
    shown = lines_of(["referral", "state", "center", "deadline"], [[ID, "waiting", LONG, "2026-12-08 19:00"]], 80)
    assert shown[0].split() == ["referral", "state", "center", "deadline"]
    assert shown[1].startswith(f"{ID}  waiting  Республиканский")
    assert max(map(len, shown)) <= 80


ROWS: list[list[object]] = [
    [ID, "offered", "center:almaty-cp-center", "almaty-cp-center-day-stay", 7, "2026-12-08 19:00+05"],
    [ID, "no_show", "polyclinic", "", None, LONG],
]


@pytest.mark.parametrize("width", [60, 80, 100, 110, 120, 160])
def test_no_word_is_broken_and_no_line_is_too_long(width: int) -> None:
    shown = lines_of(["referral", "state", "owner", "programme", "free", "needs help"], ROWS, width)
    found = " ".join(shown).split()
    assert {word for row in ROWS for cell in row if cell is not None for word in str(cell).split()} <= set(found)
    assert max(map(len, shown)) <= width


def test_rows_that_do_not_fit_are_blocks_of_names_and_values() -> None:
    shown = lines_of(["referral", "state", "owner", "programme", "free", "needs help"], ROWS, 60)
    assert shown[:7] == [
        f"referral    {ID}", "state       offered", "owner       center:almaty-cp-center",
        "programme   almaty-cp-center-day-stay", "free        7", "needs help  2026-12-08 19:00+05", "",
    ]  # fmt: skip
    assert shown[7:11] == [f"referral    {ID}", "state       no_show", "owner       polyclinic", "programme"]


def lines_of(columns: list[str], rows: list[list[object]], width: int) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(table("", columns, rows))
    shown: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in shown.splitlines()]
