"""Kafka's jars: nothing starts from a file that is not in the committed list as it is."""

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


class Shop:
    """Delivers what it is told, one delivery a call, and counts."""

    def __init__(self, *deliveries: dict[str, bytes]) -> None:
        self.deliveries, self.asked = list(deliveries), 0

    def __call__(self, work: Path) -> Path:
        folder = work / "jars"
        folder.mkdir()
        for name, content in self.deliveries[self.asked].items():
            (folder / name).write_bytes(content)
        self.asked += 1
        return folder


def test_the_first_start_downloads_and_later_ones_do_not(tmp_path: Path, sums: Path) -> None:
    shop = Shop(JARS)
    folders = {kafka_jars(tmp_path, sums=sums, say=print, fetch=shop) for _ in range(3)}
    assert {path.name: path.read_bytes() for path in folders.pop().iterdir()} == JARS
    assert shop.asked == 1


def test_a_torn_download_is_cleared_and_made_again(tmp_path: Path, sums: Path) -> None:
    shop, said = Shop(JARS | {"scala.jar": b"its lib"}, JARS), list[str]()
    folder = kafka_jars(tmp_path, sums=sums, say=said.append, fetch=shop)
    assert (folder / "scala.jar").read_bytes() == JARS["scala.jar"]
    assert "scala.jar has another SHA-256 sum" in said[1]
    assert not list(tmp_path.glob("fetching-*"))


def test_a_download_that_stays_wrong_is_refused_and_leaves_nothing(tmp_path: Path, sums: Path) -> None:
    with pytest.raises(JarsRefused, match=r"kafka\.jar has another SHA-256 sum"):
        kafka_jars(tmp_path, sums=sums, say=print, fetch=Shop(*[JARS | {"kafka.jar": b"else"}] * 3))
    assert {path.name for path in tmp_path.iterdir()} == {"sums", "download.lock"}


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "kafka.jar").write_bytes(b"the servant"), "kafka.jar has another SHA-256 sum"),
        (lambda folder: (folder / "scala.jar").unlink(), "scala.jar is missing"),
        (lambda folder: (folder / "more.jar").write_bytes(b""), "more.jar is not in the list"),
    ],
)
def test_a_folder_that_has_changed_since_is_refused_by_name(
    tmp_path: Path, sums: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    folder = kafka_jars(tmp_path, sums=sums, say=print, fetch=Shop(JARS))
    spoil(folder)
    with pytest.raises(JarsRefused, match=complaint):
        kafka_jars(tmp_path, sums=sums, say=print, fetch=Shop())


def test_two_first_starts_at_once_download_once(tmp_path: Path, sums: Path) -> None:
    shop, together = Shop(JARS), Barrier(2)

    def start(_: int) -> Path:
        together.wait()
        return kafka_jars(tmp_path, sums=sums, say=print, fetch=shop)

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(start, range(2)))) == 1
    assert shop.asked == 1


def test_what_a_killed_download_left_is_cleared(tmp_path: Path, sums: Path) -> None:
    (tmp_path / "fetching-x").mkdir()
    kafka_jars(tmp_path, sums=sums, say=print, fetch=Shop(JARS))
    assert not list(tmp_path.glob("fetching-*"))


def test_the_committed_list_names_each_jar_once() -> None:
    lines = [line.split() for line in SUMS.read_text().splitlines()]
    assert len({name for _, name in lines}) == len(lines) == 46
    assert all(len(total) == 64 for total, _ in lines)
