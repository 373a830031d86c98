"""A child's way over the pages of three people, each of whom sees every step as it happens."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.console.words.labels import read_labels
from services.kit.settings import CHECKOUT
from tests.pages.browser import Visitor
from tests.pages.conftest import Open
from tests.pages.nurse import submit
from tests.pages.scene import Scene
from tests.support.servers import wait_until

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
OFFERED = {
    "kk": "Бала ұсынылған орталық: {}.", "ru": "Ребёнок предложен центру: {}.", "en": "The child is offered to {}."
}  # fmt: skip
DECLINED = {"kk": "Орын жоқ", "ru": "Нет мест", "en": "No capacity in fact"}
EXPECTED = {"kk": "Бала күтілетін күн", "ru": "Ребёнка ждут", "en": "expects the child on"}
CENTERS = read_labels(CHECKOUT / "data").names["center"]


@pytest.mark.parametrize(
    ("languages", "scripts"),
    [("kk kk kk", True), ("ru ru ru", True), ("en en en", True), ("kk ru en", False)],
    ids=["kk", "ru", "en", "plain"],
)
def test_one_center_declines_the_next_accepts_and_nurse_and_operator_see_each_step(
    languages: str, scripts: bool, nurse: Any, visit: Open, scene: Scene
) -> None:
    nurses, centers, operators = languages.split()
    people = [(nurse(nurses, scripts=scripts), nurses), (visit(operators, scripts=scripts), operators)]
    submit(people[0][0].page, ["inpatient"])
    id = people[0][0].page.url.partition("?")[0].rpartition("/")[2]
    wait_until(lambda: scene.center_of(id) != "", "the child is offered to a center")
    first = scene.center_of(id)
    people[1][0].sign_in("operator")
    people[1][0].page.goto(f"/children/{id}")
    for one, _ in people:
        one.page.evaluate("window.opened = true")
    all_see(people, OFFERED, CENTERS[first])

    decline(coordinator(visit, first, id, centers, scripts=scripts))
    wait_until(lambda: scene.center_of(id) not in ("", first), "the next center is asked")
    following = scene.center_of(id)
    all_see(people, OFFERED, CENTERS[following])
    all_see(people, DECLINED)

    accept(coordinator(visit, following, id, centers, scripts=scripts))
    all_see(people, EXPECTED)
    for one, _ in people:
        assert one.page.evaluate("window.opened || false") == scripts, "a live page is not loaded again"
        assert [fault for fault in one.faults if "404" not in fault] == [], "the browser complains of nothing"


def all_see(
    people: list[tuple[Visitor, str]], texts: Mapping[str, str], names: Mapping[str, str] | None = None
) -> None:
    """In the part that moves, each in their language: by itself, or without scripts by its link."""
    for one, language in people:
        text = texts[language].format((names or {}).get(language))
        if not one.scripts:
            wait_until(partial(refreshed_has, one.page, text), text)
        expect(one.page.locator("#progress")).to_contain_text(text, timeout=20_000)


def refreshed_has(page: Page, text: str) -> bool:
    with page.expect_navigation():
        page.click(".app-live__link")
    return text in (page.locator("#progress").text_content() or "")


def coordinator(visit: Open, center: str, id: str, language: str, *, scripts: bool) -> Page:
    """A coordinator of the center, who has opened the child from the inbox."""
    visitor = visit(language, scripts=scripts)
    visitor.sign_in("center", center)
    visitor.page.goto("/inbox")
    visitor.page.click(f"#r-{id} a")
    return visitor.page


def decline(page: Page) -> None:
    form = page.locator('form[action$="/decline"]')
    page.locator("details", has=form).locator("summary").click()
    form.locator('[name="decline-reason"][value="no_capacity"]').check()
    form.locator('[name="decline-text"]').fill("The lift is broken")
    form.locator("button").click()
    expect(page.locator(".govuk-notification-banner")).to_be_visible()


def accept(page: Page) -> None:
    page.click('form[action$="/accept"] button')
    expect(page.locator(".govuk-notification-banner")).to_be_visible()
