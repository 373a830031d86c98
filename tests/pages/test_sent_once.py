"""Back after a post, a second tab, an impatient second click: a referral is sent once, and it is said kindly."""

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from services.cli.token import LOCAL_POLYCLINIC
from tests.pages.nurse import BORN, field, fill_in, find, numbers, press, submit
from tests.pages.scene import Scene
from tests.unit.intake.samples import iin_of

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
SENT = re.compile(r"/referrals/[0-9a-f-]{36}\?came=sent")
NBSP, NARROW = "\u00a0", "\u202f"


def referrals_of(scene: Scene, iin: str) -> list[Any]:
    body = {"iin": iin}
    found = scene.ask("intake", "POST", "/v1/children/lookup", "polyclinic", LOCAL_POLYCLINIC, json=body)
    return list(found["referrals"])


def ready_to_send(page: Page, number: int) -> str:
    """The review of a filled-in form; the child's IIN."""
    iin = iin_of(BORN, "female", number)
    find(page, iin)
    fill_in(page, number)
    press(page, "review")
    expect(page.locator('button[value="send"]')).to_be_visible()
    page.wait_for_load_state()  # who goes back while a page is on its way goes back from the one before
    return iin


def test_back_after_sending_leads_to_an_empty_form(nurse: Any, scene: Scene) -> None:
    page, number = nurse().page, next(numbers)
    iin = ready_to_send(page, number)
    press(page, "send")
    page.wait_for_url(SENT)
    page.go_back()
    expect(page.locator("h1")).to_have_text("New referral")
    expect(field(page, "child.full_name")).to_have_value("")
    page.go_forward()
    expect(page.locator("h1")).to_have_text(f"Үлгі Бала {number}")
    assert len(referrals_of(scene, iin)) == 1, "it was sent once"


def test_back_from_the_review_leads_to_what_was_typed(nurse: Any) -> None:
    page, number = nurse().page, next(numbers)
    ready_to_send(page, number)
    page.go_back()
    expect(field(page, "child.full_name")).to_have_value(f"Үлгі Бала {number}")
    press(page, "review")
    press(page, "send")
    page.wait_for_url(SENT)


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "plain"])
def test_an_impatient_second_click_sends_nothing_more(scripts: bool, nurse: Any, scene: Scene) -> None:
    page = nurse(scripts=scripts).page
    iin = ready_to_send(page, next(numbers))
    page.dblclick('button[value="send"]')
    page.wait_for_url(SENT)
    assert len(referrals_of(scene, iin)) == 1, "it was sent once"


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "plain"])
def test_a_form_in_two_tabs_is_sent_once_and_the_second_shows_what_the_first_has_sent(
    scripts: bool, nurse: Any, scene: Scene
) -> None:
    visitor, number = nurse("ru", scripts=scripts), next(numbers)
    iin = ready_to_send(visitor.page, number)
    tabs = [visitor.page, visitor.context.new_page()]
    ready_to_send(tabs[1], number)
    for one in tabs:
        one.bring_to_front()
        press(one, "send")
    tabs[0].wait_for_url(SENT)
    expect(tabs[1].locator(".govuk-notification-banner")).to_contain_text(
        "Направление отправлено" if scripts else "уже есть открытое направление: вот оно. Второе не нужно."
    )
    assert tabs[1].url.partition("?")[0] == tabs[0].url.partition("?")[0], "it is the first one's referral"
    assert len(referrals_of(scene, iin)) == 1, "it was sent once"


def test_an_act_in_two_tabs_is_done_once_and_the_second_is_told_so(nurse: Any) -> None:
    visitor = nurse("kk")
    submit(visitor.page)
    address = visitor.page.url.partition("?")[0]
    expect(visitor.page.locator("#progress .govuk-tag").first).to_have_text("Орталыққа ұсынылды", timeout=20_000)
    tabs = [visitor.page, visitor.context.new_page()]
    for one, reason in zip(tabs, ("moved_away", "recorded_in_error"), strict=True):
        one.goto(f"{address}/do/cancel")
        one.check(f"input[value={reason}]")
    for one in tabs:
        one.bring_to_front()
        one.click("main form button")
    tabs[0].wait_for_url(re.compile("came=done"))
    expect(tabs[1].locator("main")).to_contain_text("Басқа адам бұрын үлгерді")


def paste(context: BrowserContext, page: Page, name: str, text: str) -> None:
    """From the clipboard, as by hand."""
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    field(page, name).press("Control+V")


def test_an_iin_is_pasted_with_the_spaces_that_it_has_elsewhere(nurse: Any) -> None:
    visitor = nurse()
    page, number = visitor.page, next(numbers)
    iin = iin_of(BORN, "female", number)
    printed = f"{NBSP}{iin[:6]}{NBSP}{iin[6:9]}{NARROW}{iin[9:]} \t"
    page.goto("/find-child")
    paste(visitor.context, page, "iin", printed)
    page.click("main form button")
    fill_in(page, number)
    field(page, "child.iin").fill("")
    paste(visitor.context, page, "child.iin", printed)
    press(page, "review")
    expect(page.locator("main")).to_contain_text(iin)
    press(page, "send")
    page.wait_for_url(SENT)
    page.goto("/find-child")
    paste(visitor.context, page, "iin", printed)
    page.click("main form button")
    page.wait_for_url(re.compile("came=found"))
    expect(page.locator("h1")).to_have_text(f"Үлгі Бала {number}")
