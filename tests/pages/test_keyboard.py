"""The keyboard alone does everything that the frame of a page offers, with scripts or without."""

import pytest

from tests.pages.conftest import Open
from tests.pages.scene import Scene

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]


@pytest.mark.parametrize("scripts", [True, False])
def test_who_has_no_mouse_signs_in_and_out(visit: Open, scene: Scene, scripts: bool) -> None:
    visitor = visit("en", scripts=scripts)
    page = visitor.page
    page.goto("/sign-in")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content", "the first stop leads past the head"
    assert page.locator(":focus").bounding_box(), "and is seen while it has the focus"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Operator")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    assert page.locator("h1").inner_text() == "My work"
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text() == "Sign out":
            break
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Sign in").first.wait_for()  # signed out


def test_a_language_is_chosen_by_its_link_and_stays(visit: Open) -> None:
    page = visit("en").page
    page.goto("/capacity?modality=home_care")
    page.get_by_role("link", name="Қазақша").click()
    assert page.locator("html").get_attribute("lang") == "kk"
    assert page.url.endswith("/capacity?modality=home_care"), "the page that was open, with its filter"
    page.goto("/")
    assert page.locator("html").get_attribute("lang") == "kk", "the next page too"


def test_a_foreign_address_is_not_found_in_the_readers_language(visit: Open) -> None:
    for language, text in (("kk", "Мұндай бет жоқ"), ("ru", "Такой страницы нет"), ("en", "There is no such page")):
        page = visit(language).page
        answer = page.goto("/nowhere")
        assert answer is not None
        assert answer.status == 404
        assert page.locator("h1").inner_text() == text
