"""One network for all attacks, which therefore run in one pytest worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.network import RunningNetwork, running_network


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for one in items:
        if Path(__file__).parent in one.path.parents:
            one.add_marker(pytest.mark.attack)


@pytest.fixture(scope="package")  # ended before the other tests of this worker
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    """The whole network, with the country's centers."""
    with running_network(tmp_path_factory.mktemp("attacked")) as network:
        network.load_country()
        yield network
