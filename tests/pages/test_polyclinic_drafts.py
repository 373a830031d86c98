"""What was typed is lost by nothing, and sent once."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.nurse import BORN, field, fill_in, find, numbers, press
from tests.pages.scene import Scene
from tests.unit.intake.samples import iin_of

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]


def test_a_draft_survives_a_lost_line_and_is_sent_once(nurse: Any) -> None:
    page, number = nurse().page, next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, iin)
    fill_in(page, number)
    key = field(page, "key").input_value()
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.locator('button[value="review"]').click(no_wait_after=True)
    page.context.set_offline(False)
    find(page, iin)
    expect(page.locator("[data-draft-note]")).to_be_visible()
    expect(field(page, "child.full_name")).to_have_value(f"Үлгі Бала {number}")
    expect(field(page, "settlement_id")).to_have_value("Караганда")
    assert field(page, "key").input_value() == key, "it is sent under the key that it had"
    press(page, "review")
    press(page, "send")
    page.wait_for_url(re.compile("came=sent"))
    page.goto("/refer")
    expect(field(page, "child.full_name")).to_have_value("")


def test_a_draft_is_not_shown_to_another_person(nurse: Any) -> None:
    page = nurse().page
    page.goto("/refer")
    field(page, "child.full_name").fill("Үлгі Бала")
    page.click("header ~ div button")
    page.goto("/sign-in")
    page.select_option("[name=who]", "polyclinic/second-polyclinic")
    page.click("main form button")
    page.goto("/refer")
    expect(field(page, "child.full_name")).to_have_value("")


def test_a_draft_is_gone_after_signing_out(nurse: Any, scene: Scene) -> None:
    visitor = nurse()
    page = visitor.page
    page.goto("/refer")
    field(page, "child.full_name").fill("Үлгі Бала")
    page.goto("/find-child")
    expect(page.locator("[data-draft-link]")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")
    assert page.evaluate("localStorage.length") == 0, "nothing is left in the browser"


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "plain"])
def test_a_session_that_ends_amid_the_form_loses_nothing(scripts: bool, nurse: Any, scene: Scene) -> None:
    visitor, number = nurse(scripts=scripts), next(numbers)
    page = visitor.page
    find(page, iin_of(BORN, "female", number))
    fill_in(page, number)
    page.context.clear_cookies(name=re.compile("session"))
    press(page, "review")
    page.select_option("[name=who]", f"polyclinic/{scene.organization('polyclinic')}")
    page.click("main form button")
    page.click("main form button")
    expect(page.locator("main")).to_contain_text(f"Үлгі Бала {number}")
    expect(page.locator("main")).to_contain_text("Inpatient, Day stay")
    press(page, "send")
    page.wait_for_url(re.compile("came=sent"))


def test_while_the_network_is_away_nothing_is_lost_and_nothing_is_sent_twice(nurse: Any, scene: Scene) -> None:
    page, number = nurse(scripts=False).page, next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, iin)
    fill_in(page, number)
    press(page, "review")
    scene.network.kill("intake")
    press(page, "send")
    expect(page.locator(".govuk-error-summary")).to_contain_text("What you typed is kept")
    expect(page.locator("main")).to_contain_text(f"Үлгі Бала {number}")
    scene.network.network.wait_ready()
    press(page, "send")
    page.wait_for_url(re.compile("came=sent"))


def test_back_and_send_again_makes_no_second_referral(nurse: Any) -> None:
    page, number = nurse().page, next(numbers)
    find(page, iin_of(BORN, "female", number))
    fill_in(page, number)
    press(page, "review")
    fields = page.locator("form:has(button[value=send])")
    sent = {one.get_attribute("name"): one.input_value() for one in fields.locator("input").all()}
    answers = [
        page.context.request.post(
            "/refer", form={**sent, "step": "send"}, max_redirects=0, headers={"Sec-Fetch-Site": "same-origin"}
        )
        for _ in range(2)
    ]
    places = [one.headers["location"] for one in answers]
    assert places[0] == places[1], "both lead to one referral"
