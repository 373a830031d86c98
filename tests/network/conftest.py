"""One network for all tests of this folder: they run in one worker, one after the other."""

from collections.abc import Iterator

import pytest

from tests.support.network import RunningNetwork, running_network


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/network" in item.path.as_posix():
            item.add_marker(pytest.mark.network)
            item.add_marker(pytest.mark.xdist_group("network"))


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    """The whole network as processes, with the country's centers."""
    with running_network(tmp_path_factory.mktemp("country")) as network:
        network.load_country()
        yield network
