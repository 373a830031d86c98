"""Consoles of other encodings than UTF-8: no traceback, no torn table, and JSON that every parser reads."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from services.cli.render import Paper
from services.cli.streams import json_line
from services.cli.up.welcome import progress_bar
from services.kit.http.problem_answers import install_problems
from services.kit.http.problems import Problem
from tests.unit.cli.conftest import Harness, Joldama
from tests.unit.cli.test_main import COMMANDS
from tests.unit.cli.test_watch import Capacity

NAME = "Әлия орталығы № 1 — «Қуаныш» 👶"
encodings = pytest.mark.parametrize("encoding", ["cp1251", "ascii", "koi8-r", "iso8859-5", "utf-8"])


def shown(text: str, encoding: str) -> str:
    return text.encode(encoding, "replace").decode(encoding)


@pytest.fixture
def capacity(harness: Harness) -> Iterator[Capacity]:
    stub = Capacity()
    stub.name, stub.more = NAME, {"center_name": NAME}
    install_problems(stub.app)

    @stub.app.get("/v1/referrals/{referral_id}")
    async def refuse(referral_id: str) -> None:
        raise Problem(409, "not_allowed", NAME)

    with harness.serve(stub.app):
        yield stub


@encodings
def test_a_table_has_a_mark_for_what_the_console_does_not_have(
    joldama: Joldama, capacity: Capacity, encoding: str
) -> None:
    ended = joldama("watch", "--count", "2", encoding=encoding)
    assert ended.exit_code == 0, ended.output
    rows = ended.stdout.splitlines()
    assert shown(NAME, encoding) in rows[1]
    assert rows[1].index("inpatient") == rows[0].index("modality") - (len(NAME) - len(shown(NAME, encoding)))


@encodings
def test_json_says_the_same_in_every_encoding(joldama: Joldama, capacity: Capacity, encoding: str) -> None:
    told = joldama("watch", "--json", "--count", "1", encoding=encoding).stdout_bytes
    assert json.loads(told.decode("utf-8"))["data"]["center_name"] == NAME


@encodings
def test_made_up_children_are_utf_8_or_ascii(joldama: Joldama, encoding: str) -> None:
    told = joldama("demo-children", "--count", "20", encoding=encoding).stdout_bytes.splitlines()
    known = joldama("demo-children", "--count", "20").stdout_bytes.splitlines()
    assert [json.loads(line.decode("utf-8")) for line in told] == [json.loads(line) for line in known]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_shown(joldama: Joldama, name: str) -> None:
    assert joldama(name, "--help", encoding="ascii").exit_code == 0


@encodings
def test_a_refusal_is_shown_on_a_real_stream(capacity: Capacity, harness: Harness, encoding: str) -> None:
    words = [sys.executable, "-m", "services.cli.main", "referral", "00000000-0000-0000-0000-000000000007"]
    environment = {"JOLDAMA_HOME": str(harness.home), "PYTHONIOENCODING": f"{encoding}:strict"}
    done = subprocess.run(words, env=environment, capture_output=True)
    assert done.returncode == 1
    assert shown(NAME, encoding) in done.stderr.decode(encoding)
    assert "Traceback" not in done.stderr.decode(encoding)


def test_a_path_that_is_no_text_is_shown(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "services.cli.main", "urls"]
    environment = {b"JOLDAMA_HOME": bytes(tmp_path) + "/Жолдама".encode("cp1251"), b"PYTHONUTF8": b"1"}
    done = subprocess.run(words, env=environment, capture_output=True)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr


@encodings
def test_a_progress_bar_and_a_spinner_are_drawn(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    console: Console = Paper(file=stream, force_terminal=True)
    with progress_bar(console, "Loading") as progress:
        progress(1, 2)
        progress(2, 2)
    with console.status("waiting ...", spinner="line"):
        pass
    stream.flush()
    assert b"2/2" in stream.buffer.getvalue()


@pytest.mark.parametrize("value", ["ә", "👶", "\u2028", "é", 'a "b"\n'])
def test_a_json_line_is_one_line_of_ascii_on_any_console_but_utf_8(value: str) -> None:
    line = json_line({"a": value}, io.TextIOWrapper(io.BytesIO(), encoding="cp1251"))
    assert line.isascii()
    assert line.count("\n") == 1
    assert json.loads(line) == {"a": value}
    assert json_line({"a": value}, io.StringIO()) == json_line({"a": value}, sys.__stdout__ or sys.stdout)
