"""Pictures of the console for people: `make screens` writes docs/screens, in three languages, wide and narrow."""

import base64
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser

from services.contracts.vocabulary import Language
from services.kit.settings import CHECKOUT
from tests.pages.browser import Visitor, chromium
from tests.pages.scene import Scene, make_scene
from tests.support.network import running_network

FOLDER = CHECKOUT / "docs" / "screens"
SHOWN = {
    "landing": ("center", "/"),
    "form": ("polyclinic", "/find-child"),
    "inbox": ("center", "/inbox"),
    "map": ("operator", "/map"),
}
"""Who sees which page, by the name of its picture."""
SIZES = {"wide": (1280, 900), "narrow": (360, 740)}
QUALITY = 60
"""Of WebP: words stay sharp, and a picture has some 20 KB."""


def take(browser: Browser, scene: Scene, folder: Path) -> list[str]:
    """A picture of each page that there is; the addresses of those that there are not."""
    missing = []
    folder.mkdir(parents=True, exist_ok=True)
    for language in Language:
        for size, (width, height) in SIZES.items():
            for name, (role, path) in SHOWN.items():
                visitor = Visitor(browser, scene.console, language, viewport={"width": width, "height": height})
                visitor.sign_in(role, scene.organization(role))
                answer = visitor.page.goto(path)
                if answer is not None and answer.ok:
                    visitor.page.wait_for_timeout(300)  # the live part connects
                    (folder / f"{name}-{language}-{size}.webp").write_bytes(picture(visitor))
                else:
                    missing.append(path)
                visitor.close()
    return sorted(set(missing))


def picture(visitor: Visitor) -> bytes:
    session: Any = visitor.context.new_cdp_session(visitor.page)
    return base64.b64decode(session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})["data"])


def main() -> int:
    with TemporaryDirectory(prefix="joldama-screens-") as home, chromium() as browser:
        with running_network(Path(home)) as network:
            missing = take(browser, make_scene(network), FOLDER)
    for path in missing:
        sys.stderr.write(f"there is no page {path}\n")
    return len(missing)


if __name__ == "__main__":
    sys.exit(main())
