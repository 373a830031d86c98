"""One network for all tests of this folder, which therefore run in one pytest worker."""

import shutil
from collections.abc import Iterator

import pytest

from services.kit.settings import CHECKOUT
from tests.support.network import RunningNetwork, running_network


@pytest.fixture(scope="package")  # ended before the other tests of this worker
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    """The whole network, with the country's centers, and a copy of the reference data in its home."""
    folder = tmp_path_factory.mktemp("country")
    shutil.copytree(CHECKOUT / "data", folder / "data")
    with running_network(folder, JOLDAMA_DATA=str(folder / "data")) as network:
        network.load_country()
        yield network
