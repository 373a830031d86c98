"""What holds on every page, in every language, narrow and wide, light and dark."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from services.console.assets.build import HERE
from services.contracts.vocabulary import Language
from tests.pages.browser import Visitor
from tests.pages.conftest import Open
from tests.pages.scene import EVERY_PAGE, Scene, every_page
from tests.support.npm import modules

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
UNUSED = frozenset((HERE / "unused.txt").read_text().split())
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CLASSES = "[...document.querySelectorAll('[class]')].flatMap(one => [...one.classList])"
LOOKS = [(360, False), (1280, True)]
"""Width, and whether it is dark."""


@pytest.fixture
def signed_in(visit: Open, scene: Scene) -> Any:
    def make(role: str, language: str, width: int, **more: Any) -> Visitor:
        visitor = visit(language, width, **more)
        if role != "nobody":
            visitor.sign_in(role, scene.organization(role))
        return visitor

    return make


@cache
def axe_script() -> str:
    """axe-core, of the version in the lock file beside."""
    return (modules(Path(__file__).parent / "axe", "axe") / "node_modules" / "axe-core" / "axe.min.js").read_text()


def findings(visitor: Visitor) -> list[str]:
    """What axe-core finds on the page that is open: rule, and the elements."""
    axe: Any = visitor.context.new_cdp_session(visitor.page)
    axe.send("Runtime.evaluate", {"expression": axe_script()})  # the page's policy takes no script of ours
    options = {"runOnly": {"type": "tag", "values": RULES}}
    found = visitor.page.evaluate("options => axe.run(document, options)", options)
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found["violations"]]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("role", EVERY_PAGE)
def test_every_page_is_accessible_and_asks_no_other_host(
    role: str, language: Language, scene: Scene, signed_in: Any
) -> None:
    wrong = []
    for width, dark in LOOKS:
        visitor: Visitor = signed_in(role, language, width, dark=dark)
        for path in [path for owner, path in every_page(scene) if owner == role]:
            visitor.page.goto(path)
            about = f"{path} at {width} px{', dark' if dark else ''}"
            wrong += [f"{about}: {one}" for one in findings(visitor)]
            if visitor.page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append(f"{about}: it is wider than the window")
            if unstyled := UNUSED.intersection(visitor.page.evaluate(CLASSES)):
                wrong.append(f"{about}: it has {sorted(unstyled)}, whose style is left out")
            if visitor.page.locator("html").get_attribute("lang") != language:
                wrong.append(f"{about}: it is in another language")
        wrong += [one for one in visitor.faults if "404" not in one]
    assert not wrong, "findings of axe-core, complaints of the browser, requests to other hosts:\n" + "\n".join(wrong)
