"""One network for all tests of this folder: their mark keeps them in one worker, one after the other."""

from collections.abc import Iterator

import pytest

from tests.support.network import RunningNetwork, running_network


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    """The whole network as processes, with the country's centers."""
    with running_network(tmp_path_factory.mktemp("country")) as network:
        network.load_country()
        yield network
