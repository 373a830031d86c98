"""Apache Kafka's jars: fetched once into a shared cache, and checked against the committed sums before every start."""

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

KAFKA_VERSION = "4.3.1"
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",  # named outright: jgo takes an older one from a neighbor's table
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
)
SUMS = Path(__file__).with_name("kafka-jars.sha256")
CHECKOUT = Path(__file__).resolve().parents[2]

Say = Callable[[str], None]
Fetch = Callable[[Path], Path]


class JarsRefused(RuntimeError):
    """A jar is not what the committed list says; nothing is started from it."""


def default_cache() -> Path:
    """Where downloads are kept, shared by networks and tests: `JOLDAMA_CACHE`, or the checkout's folder."""
    return Path(os.environ.get("JOLDAMA_CACHE") or CHECKOUT / ".joldama-cache").resolve()


def say_aloud(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def kafka_jars(
    cache: Path | None = None, *, sums: Path = SUMS, say: Say = say_aloud, fetch: Fetch | None = None
) -> Path:
    """The folder of Apache Kafka's jars, downloaded when absent and checked each time.

    `fetch` brings the jars into a folder below the one it is given, and answers that folder; by default with jgo.

    Raises JarsRefused when a jar differs from `sums`, and OSError when it cannot be downloaded.
    """
    cache = cache or default_cache()
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
    """What in `folder` is not as the list of SHA-256 sums says, one phrase a file; empty when all is well."""
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
    """Let one process in at a time; the lock ends with its holder, whatever ends that."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
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
            # a torn download and a passing fault of the network look alike: begin again from nothing
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
