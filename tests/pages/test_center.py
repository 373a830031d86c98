"""A coordinator in a browser: offers appear by themselves, and an open child tells what happened to it."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Open
from tests.pages.scene import Scene
from tests.support.children import POLYCLINIC, submissions
from tests.support.servers import wait_until

pytestmark = [pytest.mark.pages, pytest.mark.timeout(180)]
ASTANA, CENTER = "1526273", "nccr-astana"


@pytest.fixture
def coordinator(visit: Open) -> Any:
    def make(language: str = "en", **more: Any) -> Page:
        visitor = visit(language, **more)
        visitor.sign_in("center", CENTER)
        return visitor.page

    return make


def submit(scene: Scene, seed: int) -> str:
    """Submit a child who lives where the center is; the referral's id."""
    body = submissions(1, seed)[0] | {"settlement_id": ASTANA, "modalities": ["inpatient"]}
    made = scene.ask("intake", "POST", "/v1/diagnoses", "polyclinic", POLYCLINIC, json=body)
    return str(made["referral_id"])


def offered(scene: Scene, seed: int) -> str:
    id = submit(scene, seed)
    wait_until(lambda: scene.center_of(id) == CENTER, "the child is offered to the center")
    return id


def test_a_new_offer_appears_in_an_open_inbox(scene: Scene, coordinator: Any) -> None:
    page = coordinator()
    page.goto("/inbox")
    page.wait_for_selector("html.live")
    id = submit(scene, 501)
    expect(page.locator(f"#r-{id}")).to_be_visible()


def test_an_open_child_tells_what_a_colleague_did_and_keeps_what_was_typed(scene: Scene, coordinator: Any) -> None:
    id, page = offered(scene, 502), coordinator()
    page.goto(f"/inbox/{id}")
    page.wait_for_selector("html.live")
    page.click("text=We cannot take the child")
    page.fill('[name="decline-text"]', "The lift is broken")
    scene.ask("referral", "POST", f"/v1/referrals/{id}/accept", "center", CENTER, json={})
    expect(page.locator("#now")).to_contain_text("Accepted")
    assert page.input_value('[name="decline-text"]') == "The lift is broken"
    page.check('[name="decline-reason"][value="no_capacity"]')
    page.click("text=Decline the child")
    expect(page.locator("h1")).to_have_text("Somebody was faster")


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "plain"])
def test_a_coordinator_accepts_with_a_day_and_the_next_child_opens(
    scripts: bool, scene: Scene, coordinator: Any
) -> None:
    id, _ = offered(scene, 503 + 2 * scripts), offered(scene, 504 + 2 * scripts)
    page = coordinator("ru", scripts=scripts)
    page.goto(f"/inbox/{id}")
    page.click('form[action$="/accept"] button')
    expect(page.locator(".govuk-notification-banner")).to_be_visible()
    assert f"/inbox/{id}" not in page.url, "the next child is open"
    page.go_back()
    page.reload()
    expect(page.locator("h1")).to_be_visible()
