"""What `joldama up` says when it cannot run."""

import errno
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.up import excuses
from services.cli.up.excuses import explain
from services.local.private import name_of
from tests.unit.cli.conftest import Joldama


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """`up` takes the process's signals, and here the process is pytest's."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_home_that_is_a_file_is_named(joldama: Joldama, home: Path) -> None:
    home.write_text("no folder")
    ended = joldama("up")
    assert ended.exit_code == 1
    assert f"{home} cannot be made a folder" in ended.stderr
    assert "JOLDAMA_HOME" in ended.stderr


def test_a_home_below_a_file_is_named(joldama: Joldama, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write_text("no folder")
    monkeypatch.setenv("JOLDAMA_HOME", str(home / "below"))
    ended = joldama("up")
    assert ended.exit_code == 1
    assert "Not a directory" in ended.stderr


@pytest.mark.parametrize("port", ["abc", "-1", "0", "65536", "8.5", "²"])
def test_a_port_that_is_none_is_refused_by_its_variable(
    joldama: Joldama, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("JOLDAMA_INTAKE_PORT", port)
    ended = joldama("up")
    assert ended.exit_code == 1
    assert f"JOLDAMA_INTAKE_PORT: {port!r} is no port" in ended.stderr


def test_a_port_that_is_taken_is_named_with_what_to_do(joldama: Joldama, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("JOLDAMA_INTAKE_PORT", str(port := server.getsockname()[1]))
        ended = joldama("up")
    assert ended.exit_code == 1
    assert f"port {port} is taken by another program" in ended.stderr
    assert "unset JOLDAMA_INTAKE_PORT" in ended.stderr


def test_a_home_of_another_user_is_named_with_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "a b" / "lock"
    lock.parent.mkdir()
    told = explain(PermissionError(errno.EACCES, "Permission denied", str(lock)), lock.parent)
    name = name_of(os.geteuid())
    assert told.startswith(f"{lock.parent} belongs to {name}, and you ({name}) may not write there.")
    assert "chown" not in told
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    told = explain(PermissionError(errno.EACCES, "Permission denied", str(lock)), lock.parent)
    assert told.endswith(f"sudo chown -R 4000000 '{lock.parent}'")
    told = explain(PermissionError(errno.EACCES, "Permission denied", str(lock)), lock.parent / "new")
    assert "chown" not in told


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no space left" in explain(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert "MB left" not in explain(RuntimeError("kafka is not ready"), tmp_path / "new" / "home")
    monkeypatch.setattr(excuses, "LITTLE", 10**18)
    assert "MB left: make room" in explain(RuntimeError("kafka is not ready"), tmp_path / "new" / "home")


def test_a_failure_elsewhere_is_told_as_it_is(tmp_path: Path) -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", "/usr/bin/java")
    assert explain(error, tmp_path) == str(error)
    assert explain(OSError("no free port"), tmp_path) == "no free port"
