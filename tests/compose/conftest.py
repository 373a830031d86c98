"""The composed network for the tests of this folder, which need a container engine; `make test` skips them."""

import os
from collections.abc import Iterator

import pytest

from tests.compose.composed import Composed

collect_ignore_glob: list[str] = [] if os.environ.get("JOLDAMA_TEST_COMPOSE") else ["test_*.py"]
"""`deploy/test-compose` sets the variable once an engine answers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/compose" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(900))  # the first builds the image and starts everything


@pytest.fixture(scope="session")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """A network under a project name and on ports of its own, healthy; taken down with its volumes."""
    with Composed.up(tmp_path_factory.mktemp("composed")) as network:
        yield network
