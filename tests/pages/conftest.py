"""One network with the console, one browser, and windows in it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.pages.browser import Visitor, chromium
from tests.pages.scene import Scene, make_scene
from tests.support.network import running_network

Open = Callable[..., Visitor]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The whole network, with the country's centers and children in every state."""
    with running_network(tmp_path_factory.mktemp("pages")) as network:
        yield make_scene(network)


@pytest.fixture
def visit(browser: Browser, scene: Scene) -> Iterator[Open]:
    """Open a window: `visit("kk", 360, dark=True, scripts=False)`; all are closed after the test."""
    opened: list[Visitor] = []

    def make(language: str = "ru", width: int = 1280, **more: Any) -> Visitor:
        opened.append(Visitor(browser, scene.console, language, width, **more))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def nurse(visit: Open, scene: Scene) -> Any:
    """Open a window of a nurse who is signed in."""

    def make(language: str = "en", *, scripts: bool = True, polyclinic: str = "", width: int = 1280) -> Visitor:
        visitor = visit(language, width, scripts=scripts)
        visitor.sign_in("polyclinic", polyclinic or scene.organization("polyclinic"))
        return visitor

    return make
