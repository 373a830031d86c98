"""A foreign id in the address of each page that has one gives the page "not found" of the reader's language."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from services.console.entrypoints.web import page_routers
from services.contracts.vocabulary import Language
from tests.pages.conftest import Open
from tests.pages.scene import Scene

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
NOT_FOUND = {"kk": "Мұндай бет жоқ", "ru": "Такой страницы нет", "en": "There is no such page"}
READERS = {
    "referrals": "polyclinic", "inbox": "center", "weeks": "center", "places": "center",
    "children": "operator", "queues": "operator", "dead-letters": "operator",
}  # fmt: skip
"""Whose a page is, by the first part of its address."""
FILLED = {"{act}": "accept", "{action}": "cancel", "{part}": "care"}


def addresses() -> Iterator[str]:
    """Of each page with an id; `{}` stands for the id."""
    for router in page_routers():
        for route in router.routes:
            path = getattr(route, "path", "")
            if "_id}" in path and "GET" in getattr(route, "methods", ()):
                for name, text in FILLED.items():
                    path = path.replace(name, text)
                yield re.sub(r"{\w+_id}", "{}", path) + ("?version=1" if path.endswith("/now") else "")


@pytest.mark.parametrize("role", sorted(set(READERS.values())))
def test_a_foreign_id_gives_the_page_that_there_is_none_in_the_readers_language(
    role: str, visit: Open, scene: Scene
) -> None:
    visitor = visit("en")
    visitor.sign_in(role, {"polyclinic": "second-polyclinic", "center": stranger(scene)}.get(role, ""))
    foreign = [str(uuid4()), "0190-half-an-id", "%3Flimit=1", "names"]
    foreign += [] if role == "operator" else [scene.referrals["offered"], scene.programme]
    own = [one for one in addresses() if READERS[one.split("/")[1]] == role]
    wrong = []
    for language in Language:
        visitor.speak(language)
        for address in (one.format(id) for one in own for id in foreign):
            answer: Any = visitor.context.request.get(address)
            text = answer.text()
            if answer.status != 404 or f">{NOT_FOUND[language]}</h1>" not in text or f'lang="{language}"' not in text:
                wrong.append(f"{language} {address}: {answer.status}")
    assert wrong == [], "addresses with a foreign id that are answered otherwise:\n" + "\n".join(wrong)


def stranger(scene: Scene) -> str:
    """A center that was offered none of the scene's children."""
    return next(
        str(one["id"])
        for one in scene.ask("referral", "GET", "/v1/centers?limit=500", "operator")["items"]
        if one["id"] not in scene.centers.values()
    )
