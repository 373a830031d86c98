"""A nurse refers a child: finds nobody, fills in the form, reviews and sends it."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from services.contracts.vocabulary import Language
from tests.pages.nurse import BORN, field, fill_in, find, numbers, press, submit
from tests.unit.intake.samples import iin_of

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
CARE = {
    "kk": ("Спастикалық диплегия", "Қарағанды, Қарағанды облысы"),
    "ru": ("G80.1 Спастическая диплегия", "Караганда, Карагандинская область"),
    "en": ("G80.1", "Karagandy, Karaganda Region"),
}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("scripts", [True, False], ids=["script", "plain"])
def test_a_nurse_finds_nobody_fills_in_the_form_reviews_it_and_sends_it(
    language: str, scripts: bool, nurse: Any
) -> None:
    page, number = nurse(language, scripts=scripts).page, next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, f" {iin[:6]} {iin[6:]} ")
    diagnosis, home = CARE[language]
    fill_in(page, number, **{"diagnosis.icd10": diagnosis, "settlement_id": home})
    press(page, "review")
    summary = page.locator("main")
    expect(summary).to_contain_text("+770155")
    expect(summary).to_contain_text("G80.1")
    expect(summary).to_contain_text(home)
    press(page, "send")
    page.wait_for_url(re.compile(r"/referrals/[0-9a-f-]{36}\?came=sent"))
    expect(page.locator("h1")).to_have_text(f"Үлгі Бала {number}")


def test_a_child_with_an_open_referral_is_shown_instead_of_an_empty_form(nurse: Any) -> None:
    page = nurse().page
    iin = submit(page)
    address = page.url.partition("?")[0]
    find(page, iin)
    assert page.url == f"{address}?came=found", "the open referral is shown"
    expect(page.locator("main")).to_contain_text("has an open referral already")


def test_errors_stand_beside_their_fields_and_in_a_summary_that_leads_to_them(nurse: Any) -> None:
    page = nurse("ru", scripts=False).page
    page.goto("/refer")
    press(page, "review")
    summary = page.locator(".govuk-error-summary")
    lines = summary.locator("li").all_text_contents()
    assert "Фамилия, имя, отчество: заполните это поле" in [one.strip() for one in lines], "a line names its field"
    assert len(lines) == len(set(lines)), "no two lines are the same"
    links = [one.get_attribute("href") or "" for one in summary.locator("a").all()]
    assert "#f-child.full_name" in links, "the summary leads to the name"
    missing = [one for one in links if page.locator(f'[id="{one[1:]}"]').count() != 1]
    assert missing == [], "links of the summary that lead to no field"
    expect(page.locator('[id="f-child.full_name-error"]')).to_contain_text("Заполните это поле")


def test_without_a_script_what_was_typed_is_answered_with_what_may_be_meant(nurse: Any) -> None:
    page, number = nurse("ru", scripts=False).page, next(numbers)
    find(page, iin_of(BORN, "female", number))
    fill_in(page, number, **{"diagnosis.icd10": "диплегия", "settlement_id": "Актау"})
    press(page, "review")
    page.get_by_label("G80.1 Спастическая диплегия").check()
    page.get_by_label("Актау, Мангистауская область").check()
    press(page, "review")
    expect(page.locator("main")).to_contain_text("Актау, Мангистауская область")
    expect(page.locator("main")).to_contain_text("G80.1 Спастическая диплегия")
    expect(page.locator('button[value="send"]')).to_be_visible()


def test_suggestions_are_chosen_by_the_keyboard_alone(nurse: Any) -> None:
    visitor = nurse("kk")
    page = visitor.page
    page.goto("/refer")
    home = field(page, "settlement_id")
    home.press_sequentially("Алм")
    expect(page.locator('[role="option"]').first).to_be_visible()
    assert home.get_attribute("aria-expanded") == "true", "the field says that its list is open"
    home.press("ArrowDown")
    marked = page.locator('[role="option"][aria-selected="true"]')
    text = marked.text_content()
    assert home.get_attribute("aria-activedescendant") == marked.get_attribute("id"), "the marked one is told"
    home.press("Enter")
    expect(home).to_have_value(text or "nothing")
    expect(page.locator('[role="listbox"]').first).to_be_hidden()
    assert [one for one in visitor.faults if "404" not in one] == [], "the browser complains of nothing"
