"""Kafka's jars are verified against the committed list of SHA-256 sums before every start."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from services.local.jars import SUMS, JarsRefused, kafka_jars

JARS = {"kafka.jar": b"the server", "scala.jar": b"its library"}


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    file = tmp_path / "sums"
    file.write_text("".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in JARS.items()))
    return file


class FakeDownload:
    """The files of the first call, of the second, and so on; counts its calls."""

    def __init__(self, *files: dict[str, bytes]) -> None:
        self.files, self.calls = list(files), 0

    def __call__(self, work: Path) -> Path:
        folder = work / "jars"
        folder.mkdir()
        for name, content in self.files[self.calls].items():
            (folder / name).write_bytes(content)
        self.calls += 1
        return folder


def test_the_first_start_downloads_and_later_ones_do_not(tmp_path: Path, sums: Path) -> None:
    download = FakeDownload(JARS)
    folders = {kafka_jars(tmp_path, sums=sums, say=print, fetch=download) for _ in range(3)}
    assert {path.name: path.read_bytes() for path in folders.pop().iterdir()} == JARS
    assert download.calls == 1


def test_a_torn_download_is_removed_and_repeated(tmp_path: Path, sums: Path) -> None:
    download, said = FakeDownload(JARS | {"scala.jar": b"its lib"}, JARS), list[str]()
    folder = kafka_jars(tmp_path, sums=sums, say=said.append, fetch=download)
    assert (folder / "scala.jar").read_bytes() == JARS["scala.jar"]
    assert "scala.jar has another SHA-256 sum" in said[1]
    assert not list(tmp_path.glob("fetching-*"))


def test_a_download_that_stays_wrong_is_refused_and_leaves_nothing(tmp_path: Path, sums: Path) -> None:
    with pytest.raises(JarsRefused, match=r"kafka\.jar has another SHA-256 sum"):
        kafka_jars(tmp_path, sums=sums, say=print, fetch=FakeDownload(*[JARS | {"kafka.jar": b"else"}] * 3))
    assert {path.name for path in tmp_path.iterdir()} == {"sums", "download.lock"}


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "kafka.jar").write_bytes(b"the servant"), "kafka.jar has another SHA-256 sum"),
        (lambda folder: (folder / "scala.jar").unlink(), "scala.jar is missing"),
        (lambda folder: (folder / "more.jar").write_bytes(b""), "more.jar is not in the list"),
    ],
)
def test_a_changed_folder_is_refused_with_the_name_of_the_file(
    tmp_path: Path, sums: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    folder = kafka_jars(tmp_path, sums=sums, say=print, fetch=FakeDownload(JARS))
    spoil(folder)
    with pytest.raises(JarsRefused, match=complaint):
        kafka_jars(tmp_path, sums=sums, say=print, fetch=FakeDownload())


def test_two_first_starts_at_once_download_once(tmp_path: Path, sums: Path) -> None:
    download, together = FakeDownload(JARS), Barrier(2)

    def start(_: int) -> Path:
        together.wait()
        return kafka_jars(tmp_path, sums=sums, say=print, fetch=download)

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(start, range(2)))) == 1
    assert download.calls == 1


def test_a_killed_download_is_removed(tmp_path: Path, sums: Path) -> None:
    (tmp_path / "fetching-x").mkdir()
    kafka_jars(tmp_path, sums=sums, say=print, fetch=FakeDownload(JARS))
    assert not list(tmp_path.glob("fetching-*"))


def test_the_committed_list_names_each_jar_once() -> None:
    lines = [line.split() for line in SUMS.read_text().splitlines()]
    assert len({name for _, name in lines}) == len(lines) == 46
    assert all(len(total) == 64 for total, _ in lines)
