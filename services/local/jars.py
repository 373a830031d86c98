"""Apache Kafka's jars: downloaded once into a shared cache, and checked against SHA-256 sums before every start."""

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from services.local.private import make_private, open_private

KAFKA_VERSION = "4.3.1"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",  # named outright: jgo takes an older one from a neighbor's table
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
)
CACHE = "JOLDAMA_CACHE"
SUMS = Path(__file__).with_name("kafka-jars.sha256")
CHECKOUT = Path(__file__).resolve().parents[2]

Say = Callable[[str], None]
Fetch = Callable[[Path], Path]


class JarsRefused(RuntimeError):
    """A jar differs from the committed list of sums; Kafka is not started."""


def default_cache() -> Path:
    """The folder of downloads, shared by networks and tests: `JOLDAMA_CACHE`, or one in the checkout."""
    return Path(os.environ.get(CACHE) or CHECKOUT / ".joldama-cache").resolve()


def say_aloud(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def kafka_jars(
    cache: Path | None = None, *, sums: Path = SUMS, say: Say = say_aloud, fetch: Fetch | None = None
) -> Path:
    """The folder of Apache Kafka's jars, downloaded when absent and checked each time.

    `fetch` downloads the jars (by default with jgo) below the folder it is given, and returns their folder.

    Raises JarsRefused when a jar differs from `sums`, and OSError when it cannot be downloaded.
    """
    cache = make_private(cache or default_cache(), readable=True)
    folder = cache / f"kafka-{KAFKA_VERSION}"
    if not folder.is_dir():
        with alone(cache / "download.lock"):
            if not folder.is_dir():
                _download(cache, folder, sums, say, fetch or _fetch)
    if wrong := differences(folder, sums):
        raise JarsRefused(
            f"Kafka is not started: in {folder}, {'; '.join(wrong)} (against {sums.name}). "
            "Delete that folder to have it downloaded again."
        )
    return folder


def differences(folder: Path, sums: Path = SUMS) -> list[str]:
    """The files of `folder` that differ from the list of SHA-256 sums, one phrase a file."""
    wanted = {name: total for total, name in (line.split() for line in sums.read_text().splitlines())}
    present = {path.name for path in folder.iterdir()}
    wrong = [f"{name} is not in the list" for name in sorted(present - wanted.keys())]
    wrong += [f"{name} is missing" for name in sorted(wanted.keys() - present)]
    names = sorted(wanted.keys() & present)
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda name: _sum(folder / name), names)
        return wrong + [
            f"{name} has another SHA-256 sum" for name, total in zip(names, found, strict=True) if total != wanted[name]
        ]


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Run the body in one process at a time. The lock ends with its process."""
    make_private(lock.parent, readable=True)
    with open_private(lock, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(cache: Path, folder: Path, sums: Path, say: Say, fetch: Fetch) -> None:
    for left in cache.glob("fetching-*"):
        shutil.rmtree(left)
    for attempt in (1, 2, 3):
        work = Path(mkdtemp(prefix="fetching-", dir=cache))
        try:
            say(f"Fetching Apache Kafka {KAFKA_VERSION} (46 jars, 44 MB, once; about half a minute) ...")
            jars = fetch(work)
            if wrong := differences(jars, sums):
                raise JarsRefused(f"Kafka is not started: as downloaded, {'; '.join(wrong)}.")
            jars.rename(folder)
            return
        except Exception as error:
            # a torn download cannot be told from a passing fault of the network: start over
            if attempt == 3:
                raise
            say(f"The download failed ({error}); trying again ...")
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _fetch(work: Path) -> Path:
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=work / "repository", remote_repos={"central": MAVEN_CENTRAL_URL}, timeout=60)
    builder = EnvironmentBuilder(context, cache_dir=work / "jgo", link_strategy=LinkStrategy.COPY)
    environment = builder.from_endpoint("+".join(COORDINATES))
    jars = work / "jars"
    jars.mkdir()
    for jar in environment.path.rglob("*.jar"):
        jar.rename(jars / jar.name)
    return jars
