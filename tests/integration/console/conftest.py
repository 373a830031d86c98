"""One network for all tests of the console, which therefore run in one pytest worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.console import Browser
from tests.support.network import RunningNetwork, running_network

NewBrowser = Callable[[], Browser]


@pytest.fixture(scope="package")
def country(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    """The whole network, with the country's centers."""
    with running_network(tmp_path_factory.mktemp("console")) as network:
        network.load_country()
        yield network


@pytest.fixture
def new_browser(country: RunningNetwork) -> Iterator[NewBrowser]:
    """Browsers of several people."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Browser(country.url("console")))


@pytest.fixture
def browser(new_browser: NewBrowser) -> Browser:
    return new_browser()
