"""What a polyclinic does with its referrals: corrections, ends, lists and transfers."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.nurse import BORN, field, fill_in, find, press, submit
from tests.pages.scene import Scene
from tests.unit.intake.samples import iin_of

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]


def test_a_correction_changes_what_was_typed_and_nothing_else(nurse: Any) -> None:
    page = nurse().page
    submit(page, **{"max_distance_km": "900"})
    address = page.url.partition("?")[0]
    page.goto(f"{address}/correct/care")
    expect(field(page, "settlement_id")).to_have_value("Karagandy, Karaganda Region")
    field(page, "max_distance_km").fill("")
    page.check('[name="modalities"][value="outpatient"]')
    page.click("main form button")
    page.wait_for_url(re.compile("came=corrected"))
    main = page.locator("main")
    expect(main).to_contain_text("Any distance")
    expect(main).to_contain_text("Inpatient, Day stay, Outpatient")
    page.goto(f"{address}/correct/child")
    field(page, "guardian.phone").fill("12")
    page.click("main form button")
    expect(page.locator('[id="f-guardian.phone-error"]')).to_contain_text("This is no phone number")


def test_a_referral_is_ended_with_a_reason_and_a_note(nurse: Any) -> None:
    page = nurse().page
    submit(page)
    address = page.url.partition("?")[0]
    expect(page.locator("main")).to_contain_text("offered")
    page.goto(f"{address}/do/cancel")
    page.click("main form button")
    expect(page.locator(".govuk-error-summary")).to_contain_text("Choose a reason")
    page.get_by_label("The family has moved away").check()
    field(page, "note").fill("To Omsk")
    page.click("main form button")
    page.wait_for_url(re.compile("came=done"))
    expect(page.locator("main")).to_contain_text("The family has moved away")
    expect(page.locator("main")).to_contain_text("To Omsk")
    page.goto(f"{address}/do/cancel")
    expect(page.locator("main")).to_contain_text("Somebody was faster")


def test_withdrawing_the_consent_ends_the_referral(nurse: Any) -> None:
    page = nurse().page
    submit(page)
    page.get_by_role("link", name="withdraws its consent").click()
    page.click("main form button")
    page.wait_for_url(re.compile("came=done"))
    expect(page.locator("main")).to_contain_text("The consent was withdrawn on")


def test_a_filter_says_what_is_hidden_and_how_to_get_it_back(nurse: Any) -> None:
    page = nurse(scripts=False).page
    page.goto("/referrals")
    page.select_option("[name=status]", "completed")
    page.get_by_role("button", name="Show").click()
    hidden = page.locator(".app-hidden")
    expect(hidden).to_contain_text("Completed. The rest is hidden.")
    tags = {one.text_content() for one in page.locator(".app-row .govuk-tag").all()} - {"Urgent", "High priority"}
    assert tags == {"Completed"}, "only completed ones are listed"
    hidden.get_by_role("link").click()
    expect(page.locator(".app-hidden")).to_have_count(0)


def test_a_list_shows_children_by_their_names(nurse: Any) -> None:
    page = nurse("kk", scripts=False).page
    submit(page)
    name = page.locator("h1").text_content() or "nobody"
    page.goto("/referrals")
    expect(page.locator(".app-row__title").first).to_have_text(name)


def test_the_pages_of_the_list_lead_on_and_back(nurse: Any) -> None:
    page = nurse(scripts=False).page
    page.goto("/referrals")
    seen = []
    for _ in range(3):
        seen.append(rows(page))
        turn(page, "Next page")
    for before in reversed(seen):
        turn(page, "Previous page")
        assert rows(page) == before, "the page before is as it was"


def turn(page: Page, link: str) -> None:
    with page.expect_navigation():
        page.get_by_role("link", name=link).click()


def rows(page: Page) -> list[str | None]:
    return [one.get_attribute("id") for one in page.locator(".app-row").all()]


def test_another_polyclinics_referral_does_not_exist(scene: Scene, nurse: Any) -> None:
    page = nurse("kk", polyclinic="second-polyclinic").page
    for address in ("", "/correct/child", "/do/cancel", "/progress"):
        answer = page.goto(f"/referrals/{scene.referrals['offered']}{address}")
        assert answer is not None
        assert (answer.status, page.title()) == (404, "Мұндай бет жоқ – Joldama"), f"there is no such page: {address}"


def test_a_transfer_is_asked_for_and_given(nurse: Any, scene: Scene) -> None:
    own, other = nurse(), nurse(polyclinic="second-polyclinic")
    iin = submit(own.page)
    name = own.page.locator("h1").text_content() or ""
    page = other.page
    find(page, iin)
    fill_in(page, 99_998, **{"child.full_name": name})
    press(page, "review")
    press(page, "send")
    expect(page.locator(".govuk-error-summary")).to_contain_text("at another polyclinic")
    page.get_by_role("button", name="Ask for its transfer").click()
    page.wait_for_url(re.compile("came=asked"))
    own.page.goto("/transfers")
    own.page.get_by_role("button", name="Give the child").last.click()
    own.page.wait_for_url(re.compile("came=decided"))
    page.reload()
    page.locator(".app-row__title").last.click()
    expect(page.locator("h1")).to_have_text(name)


def test_a_transfer_of_nobody_is_answered_alike_and_its_errors_stand_beside_their_fields(nurse: Any) -> None:
    page = nurse("ru", scripts=False).page
    page.goto("/transfers/ask")
    field(page, "iin").fill("123")
    page.click("main form button")
    expect(page.locator("#f-iin-error")).to_contain_text("двенадцать цифр")
    for name, text in (("iin", iin_of(BORN, "female", 8_000)), ("full_name", "Никто"), ("birth_date", "17.05.2019")):
        field(page, name).fill(text)
    page.click("main form button")
    page.wait_for_url(re.compile("came=asked"))
