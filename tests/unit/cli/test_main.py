"""All commands: help, imports and exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.failures import ExitCode
from tests.unit.cli.conftest import Joldama

COMMANDS = (
    "up", "submit", "correct", "join", "withdraw-consent", "transfer", "referral", "seen", "accept", "decline", "admit",
    "no-show", "discharge", "cancel", "withdraw",
    "referrals", "offer-again", "worklist", "audit", "watch", "capacity", "set-places", "centers", "forecast",
    "register-centers", "urls", "token", "demo-children", "dead-letters", "audit-log",
)  # fmt: skip
HEAVY = ("fastapi", "faust", "sqlmodel", "sqlalchemy", "aiokafka", "httpx2", "pydantic", "services.local")


def test_the_overview_names_every_command(joldama: Joldama) -> None:
    shown = joldama("--help")
    assert shown.exit_code == 0
    assert all(f" {name} " in shown.output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(joldama: Joldama, name: str) -> None:
    shown = joldama(name, "--help")
    assert shown.exit_code == 0
    assert "Example:" in shown.output


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        ("--help", HEAVY),
        ("watch --help", ("httpx2", "services.local")),
        ("token king", ("httpx2", "services.cli.render", "services.local")),
        ("urls", ("httpx2", "services.contracts.reference", "services.local")),
    ],
)
def test_a_command_imports_no_slow_module_that_it_does_not_need(words: str, unneeded: tuple[str, ...]) -> None:
    run = f"app({words.split()}, standalone_mode=False)"
    code = f"""
import contextlib, io, sys
from services.cli.main import app
with contextlib.suppress(BaseException), contextlib.redirect_stdout(io.StringIO()):
    {run}
print([name for name in {unneeded} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_exit_codes_are_the_documented_ones() -> None:
    page = Path(__file__).resolve().parents[3].joinpath("docs", "cli.md").read_text()
    for code in ExitCode:
        assert f"| {code.value} |" in page


@pytest.mark.parametrize("name", ["urls", "centers", "capacity", "watch", "token operator", "referral " + "0" * 32])
def test_without_a_network_a_command_says_how_to_start_one(joldama: Joldama, name: str) -> None:
    ended = joldama(*name.split())
    assert ended.exit_code == ExitCode.NO_NETWORK
    assert "joldama up" in ended.stderr
    assert ended.stdout == ""


def test_an_invalid_id_is_a_usage_error(joldama: Joldama) -> None:
    assert joldama("referral", "17").exit_code == ExitCode.USAGE


def test_a_closed_pipe_is_no_error(home: Path) -> None:
    home.mkdir()
    (home / "network.json").write_text('{"intake": "http://127.0.0.1:1"}')
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-m", "services.cli.main", "urls"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (ended.returncode, ended.stderr) == (ExitCode.PIPE_CLOSED, "")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "settlements.csv: No such file or directory"),
        ("id,name_kk\na,b\n", "settlements.csv:2: name_ru: Field required"),
        ("id,latitude\na,999\n", "latitude: Input should be less than or equal to 90"),
    ],
)
def test_reference_data_that_cannot_be_read_is_named_with_its_line(
    joldama: Joldama, tmp_path: Path, content: str | None, told: str
) -> None:
    if content:
        (tmp_path / "settlements.csv").write_text(content)
    ended = joldama("demo-children", "--data", str(tmp_path))
    assert ended.exit_code == 2
    assert told in ended.stderr
