"""Folders and files of a local network are its user's only: no link is followed, no other's folder is used."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.kit.settings import CHECKOUT
from services.local.home import Home
from services.local.jars import alone
from services.local.ports import Ports
from services.local.private import UnusableHome, make_private, open_private, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file behind the links of an attack."""
    (file := tmp_path / "precious").write_text("precious")
    return file


def test_a_home_that_others_may_read_is_closed(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for folder in (home.root, home.logs, home.secrets, home.sql):
        folder.mkdir(mode=0o755)
        folder.chmod(0o755)
    home.make()
    assert {mode(one) for one in (home.root, home.logs, home.secrets, home.sql)} == {0o700}


def test_a_home_that_everybody_could_fill_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.make()
    home.root.chmod(0o777)
    with pytest.raises(UnusableHome, match="may not be yours"):
        home.make()


def test_a_home_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    with pytest.raises(UnusableHome, match="and you are 4000000"):
        Home(tmp_path / "home").make()


def test_a_home_that_everybody_could_replace_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UnusableHome, match="and so replace"):
        Home(tmp_path / "home").make()
    tmp_path.chmod(0o1777)  # as /tmp
    Home(tmp_path / "home").make()


@pytest.mark.parametrize("folder", ["logs", "secrets", "sql"])
def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    home = Home(tmp_path / "home")
    home.root.mkdir(mode=0o700)
    (home.root / folder).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnusableHome, match="is a link"):
        home.make()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_port_s_mark_is_not_written_through_a_link(
    tmp_path: Path, precious: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (folder := tmp_path / f"joldama-ports-{os.getuid()}").mkdir(mode=0o700)
    (folder / "20999").symlink_to(precious)
    with Ports() as ports, pytest.raises(UnusableHome, match="is a link"):
        ports.choose(20999)
    assert precious.read_text() == "precious"


def test_the_marks_of_ports_are_not_made_in_a_stranger_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"joldama-ports-{os.getuid()}").symlink_to(tmp_path)
    with Ports() as ports, pytest.raises(UnusableHome, match="is a link"):
        ports.choose(20999)
    assert not (tmp_path / "20999").exists()


def _lock(file: Path) -> None:
    with alone(file):
        pass


@pytest.mark.parametrize(
    "write", [_lock, lambda file: open_private(file, "wb"), lambda file: open_private(file, "a+b")]
)
def test_no_file_is_opened_through_a_link(tmp_path: Path, precious: Path, write: Callable[[Path], None]) -> None:
    (link := tmp_path / "link").symlink_to(precious)
    with pytest.raises(UnusableHome, match="is a link"):
        write(link)
    assert precious.read_text() == "precious"


def test_a_written_file_takes_the_place_of_a_link_and_of_its_draft_s(tmp_path: Path, precious: Path) -> None:
    (tmp_path / "file").symlink_to(precious)
    (tmp_path / f".file.{os.getpid()}").symlink_to(precious)
    write_private(tmp_path / "file", "new")
    assert precious.read_text() == "precious"
    assert (tmp_path / "file").read_text() == "new"
    assert mode(tmp_path / "file") == 0o600


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((UnusableHome, OSError)):
        open_private(tmp_path / "pipe", "ab")


def test_a_log_that_others_may_read_is_closed_and_goes_on(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_text("before\n")
    log.chmod(0o644)
    with open_private(log, "ab") as file:
        file.write(b"after\n")
    assert mode(log) == 0o600
    assert log.read_text() == "before\nafter\n"


def test_a_shared_cache_may_be_read_by_others_but_not_written(tmp_path: Path) -> None:
    (cache := tmp_path / "cache").mkdir()
    cache.chmod(0o775)
    assert mode(make_private(cache, readable=True)) == 0o755


def test_make_env_writes_through_no_link(tmp_path: Path, precious: Path) -> None:
    for target in (precious, tmp_path / "dangling"):
        (link := tmp_path / f"{target.name}.env").symlink_to(target)
        done = subprocess.run([sys.executable, "deploy/make_env.py", str(link)], cwd=CHECKOUT, capture_output=True)
        assert done.returncode == 1
    assert precious.read_text() == "precious"
    assert not (tmp_path / "dangling").exists()
