"""Real servers for every test that asks: started once a run, shared by its workers, ended with it."""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.servers import begin_run, end_run, shared_address

if TYPE_CHECKING:  # heavy: imported by the fixtures that need it
    from services.kit.sql.migrations import History
    from tests.support.network import RunningNetwork

_FOLDER = pytest.StashKey[Path]()
# The files that take longest, first: a worker that begins one last keeps the others waiting.
_LONGEST_FIRST = (
    "tests/network/",
    "tests/upgrade/",
    "tests/integration/test_backup.py",
    "tests/integration/test_local_network.py",
    "tests/integration/test_traces.py",
    "tests/integration/referral/test_whole_network.py",
    "tests/integration/referral/test_audit.py",
    "tests/integration/console/",
    "tests/integration/cli/test_journey.py",
    "tests/integration/capacity/",
    "tests/integration/test_local_servers.py",
    "tests/integration/kit/",
    "tests/integration/",
)
_ONE_NETWORK = ("tests/network/", "tests/attack/", "tests/pages/", "tests/integration/console/")
_TEST_BY_TEST = ("tests/integration/test_local_network.py", "tests/integration/referral/test_audit.py")


def pytest_configure(config: pytest.Config) -> None:
    gc.set_threshold(10_000, 20, 20)
    settings.register_profile("joldama", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # no clocks
    settings.load_profile("joldama")
    os.environ["JOLDAMA_LIMITS"] = "{}"  # hundreds of applications here count in one Redis; networks have the limits
    if not hasattr(config, "workerinput"):  # workers share the folder of the process that started them
        config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="joldama-tests-"))
        begin_run(config.stash[_FOLDER])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Each file stays in one worker, and all files that share a network in one."""
    config.option.loadscopereorder = False
    return _ByNetworkOrFile(config, log)


class _ByNetworkOrFile(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_TEST_BY_TEST):
            return nodeid
        alone = [folder for folder in _ONE_NETWORK if nodeid.startswith(folder)]
        return alone[0] if alone else nodeid.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def weight(item: pytest.Item) -> int:
        starts = (place for place, start in enumerate(_LONGEST_FIRST) if item.nodeid.startswith(start))
        return next(starts, len(_LONGEST_FIRST))

    items.sort(key=weight)


def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end: a garbage collection need not go through it again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_FOLDER, None):
        end_run()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka() -> str:
    """`host:port` of a real Apache Kafka: `JOLDAMA_TEST_KAFKA`, or this run's own. Give topics a prefix of your own."""
    return os.environ.get("JOLDAMA_TEST_KAFKA") or shared_address("kafka")


@pytest.fixture(scope="session")
def valkey() -> str:
    """URL of a real Valkey or Redis: `JOLDAMA_TEST_REDIS`, or this run's own. Give keys a prefix of your own."""
    return os.environ.get("JOLDAMA_TEST_REDIS") or shared_address("valkey")


@pytest.fixture
def prefix() -> str:
    """A prefix for topics, keys and groups that no other test has."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def new_database(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes an empty database at each call, `new_database("intake")`, and answers its SQLAlchemy URL.

    A SQLite file; with `JOLDAMA_TEST_SQL` (a PostgreSQL URL whose user may create databases) a database there.
    """
    server = os.environ.get("JOLDAMA_TEST_SQL")
    if server is None:
        yield lambda name: f"sqlite:///{tmp_path / name}.sqlite3"
        return
    from tests.support.sql import databases_on

    with databases_on(server) as make:
        yield make


@pytest.fixture(scope="session")
def _migrated_files(tmp_path_factory: pytest.TempPathFactory) -> "Callable[[History], Path]":
    folder = tmp_path_factory.mktemp("migrated")

    @cache
    def migrated(history: "History") -> Path:
        file = folder / f"{history.lock}.sqlite3"
        history.migrate(f"sqlite:///{file}")
        return file

    return migrated


@pytest.fixture
def migrated_database(
    new_database: Callable[[str], str], _migrated_files: "Callable[[History], Path]"
) -> "Callable[[str, History], str]":
    """As `new_database`, with the newest tables: a SQLite file is copied from one that was migrated once."""

    def make(name: str, history: "History") -> str:
        url = new_database(name)
        if url.startswith("sqlite:///"):
            shutil.copy(_migrated_files(history), url.removeprefix("sqlite:///"))
        else:
            history.migrate(url)
        return url

    return make


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RunningNetwork]":
    """A whole network as processes, for the tests of one module; mark them `network`."""
    from tests.support.network import running_network

    with running_network(tmp_path_factory.mktemp("network")) as network:
        yield network
