"""Tables: what can be copied is never broken."""

from io import StringIO

from rich.console import Console

from services.cli.render import table

ID = "019a2b3c-0000-7000-8000-000000000001"


def test_an_id_is_whole_on_a_narrow_terminal_and_other_columns_give_way() -> None:
    rows = [[ID, "waiting", "Республиканский детский реабилитационный центр", "2026-12-08 19:00", "urgent"]]
    console = Console(file=StringIO(), width=80)
    console.print(table("", ["referral", "state", "center", "deadline", "priority"], rows))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert ID in shown
    assert max(map(len, shown.splitlines())) <= 80
