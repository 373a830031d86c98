"""An operator's journeys: from each figure down to whom it counts, and the map that moves by itself."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from playwright.sync_api import Locator, Page, expect

from services.console.words.i18n import read_words
from services.contracts.vocabulary import Language
from tests.pages.browser import Visitor
from tests.pages.conftest import Open
from tests.pages.scene import Scene
from tests.support.kafka_admin import admin_options
from tests.support.servers import wait_until

pytestmark = [pytest.mark.pages, pytest.mark.timeout(180)]
LANGUAGES = ("kk", "ru", "en")


@pytest.fixture
def operator(visit: Open) -> Any:
    """Open a window of an operator who is signed in."""

    def make(language: str = "en", **more: Any) -> Visitor:
        visitor = visit(language, **more)
        visitor.sign_in("operator")
        return visitor

    return make


def number(text: str | None) -> int:
    """The last number in a text."""
    found = re.findall(r"\d[\d\s.,]*", text or "")
    assert found, f"no number in {text!r}"
    return int(re.sub(r"\D", "", found[-1]))


SHOWN_OF_A_REGION = (
    "The sums and the list of programmes are of: %(place)s. The map and the table show the whole country."
)


def follow(link: Locator) -> None:
    """Click, and wait for the page behind it: what is counted at once would be the old page's."""
    with link.page.expect_navigation():
        link.click()


def listed(page: Page) -> int:
    """All rows of the list that is open, page by page."""
    rows = page.locator("main .app-row").count()
    while page.locator("a[rel=next]").count():
        follow(page.locator("a[rel=next]"))
        rows += page.locator("main .app-row").count()
    return rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_region_of_the_map_leads_to_its_programmes_and_these_to_their_children(
    language: str, operator: Any, scene: Scene
) -> None:
    page = operator(language, scripts=False).page
    figures = scene.ask("capacity", "GET", "/v1/capacity?limit=1000", "operator")["items"]
    own = [one for one in figures if one["region_id"] == "KZ-75"]
    page.goto("/map")
    follow(page.locator("table a[href='/map?region=KZ-75']"))
    assert page.locator("main .app-row").count() == len(own), "a row for each programme of Almaty"
    said = read_words()[Language(language)].gettext(SHOWN_OF_A_REGION).partition("%(place)s")[2]
    expect(page.locator(".app-hidden")).to_contain_text(said)
    busy = max(own, key=lambda one: one["held"])
    link = page.locator(f"a[href='/children?status=held&programme={busy['programme_id']}']")
    counted = number(link.text_content())
    assert counted == busy["held"] > 0
    follow(link)
    assert listed(page) == counted, "the list has whom the figure counts"


def test_a_long_list_of_programmes_has_pages(operator: Any, scene: Scene) -> None:
    page = operator(scripts=False).page
    figures = scene.ask("capacity", "GET", "/v1/capacity?limit=1000", "operator")["items"]
    page.goto("/map?age=fresh")
    fresh = sum(not one["stale"] for one in figures)
    assert page.locator("main .app-row").count() < fresh, "a page has not all of them"
    assert listed(page) == fresh, "all pages together have"
    pages = page.url.partition("cursor=")[2].partition("#")[0]
    follow(page.locator("a[rel=prev]"))
    assert f"cursor={int(pages) - 25}" in page.url, "one page back, and not to the first"


def test_a_filter_says_what_is_hidden_and_gives_it_back(operator: Any) -> None:
    page = operator().page
    page.goto("/map")
    whole = page.locator("#places .govuk-body-l").inner_text()
    page.select_option("#f-diagnosis", "Q")
    page.select_option("#f-modality", "home_care")
    follow(page.locator("main form button"))
    expect(page.locator(".app-hidden")).to_contain_text("Care at home")
    expect(page.locator("main")).to_contain_text("of programmes that accept such diagnoses")
    assert page.locator("#places .govuk-body-l").inner_text() != whole
    follow(page.locator(".app-hidden a"))
    assert page.locator("#places .govuk-body-l").inner_text() == whole, "everything is back"


def test_the_map_shows_a_step_by_itself(operator: Any, scene: Scene) -> None:
    page = operator().page
    page.goto("/map")
    expect(page.locator(".app-live__on")).to_be_visible()
    before = number(page.locator("#places .govuk-body").first.inner_text())
    one = next(one for one in scene.of_state("offered") if one["id"] != scene.referrals["offered"])
    path = f"/v1/referrals/{one['id']}"
    scene.ask("referral", "POST", f"{path}/accept", "center", one["center_id"], json={})
    scene.ask("referral", "POST", f"{path}/admit", "center", one["center_id"], json={})
    expect(page.locator("#places ol li").first).to_contain_text("A child came to the center", timeout=20_000)
    expect(page.locator("#places .govuk-body").first).not_to_contain_text(f"agreed: {before}.")


def test_the_numbers_of_a_trend_lead_to_their_children(operator: Any) -> None:
    page = operator().page
    for span in ("month", "year"):
        page.goto(f"/trends?span={span}")
        for link in ("submitted", "admitted"):
            page.goto(f"/trends?span={span}")
            counted = number(page.locator(f"tbody a[href^='/children?{link}=']").first.inner_text())
            follow(page.locator(f"tbody a[href^='/children?{link}=']").first)
            assert listed(page) == counted, f"{link} of the last part of the {span}"


def test_a_list_of_a_day_that_is_none_is_empty_and_no_error(operator: Any) -> None:
    page = operator().page
    page.goto("/children?submitted=yesterday&status=nothing")
    expect(page.locator("main")).to_contain_text("There is no such child.")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_child_without_a_center_is_found_offered_again_and_its_referral_ended(
    language: str, operator: Any, scene: Scene
) -> None:
    page = operator(language, scripts=False).page
    page.goto("/escalated?reason=unplaceable")
    assert number(page.locator("nav.app-choices strong").inner_text()) == listed(page), "the list has what was counted"
    page.goto("/escalated?reason=unplaceable")
    follow(page.locator("main .app-row__title").first)
    referral = page.url.rpartition("/")[2]
    page.click("a[href$='/do/offer-again']")
    page.click("main form button")
    page.wait_for_url(f"**/children/{referral}?came=done")
    wait_until(lambda: story(scene, referral)["state"] == "unplaceable", "the router has looked again")
    page.goto(f"/children/{referral}/do/cancel")
    page.click("main form button")
    expect(page.locator(".govuk-error-summary a[href='#f-reason']")).to_be_visible()
    page.check("input[value=other]")
    page.fill("#f-note", "The family has decided otherwise")
    page.click("main form button")
    page.wait_for_url("**?came=done")
    ended = story(scene, referral)
    assert (ended["state"], ended["history"][-1]["reason"]) == ("cancelled", "other")
    assert ended["history"][-1]["note_id"], "with the sealed note"
    assert page.locator("a[href*='/do/']").count() == 0, "nothing is left to do"


def test_who_comes_second_is_told_so(operator: Any, scene: Scene) -> None:
    page = operator().page
    referral = next(one["id"] for one in scene.of_state("offered") if one["id"] != scene.referrals["offered"])
    page.goto(f"/children/{referral}/do/cancel")
    path = f"/v1/referrals/{referral}/cancel"
    scene.ask("referral", "POST", path, "operator", json={"reason": "moved_away"})
    page.check("input[value=other]")
    page.click("main form button")
    expect(page.locator("main")).to_contain_text("Somebody was faster")
    assert story(scene, referral)["history"][-1]["reason"] == "moved_away", "the first stands"


def test_every_place_is_accounted_for_and_every_part_is_ready(operator: Any) -> None:
    page = operator().page
    page.goto("/audit")
    expect(page.locator("main")).to_contain_text("Every place is accounted for")
    page.goto("/services")
    assert page.locator(".govuk-tag--green").count() == 8, "the pages, three APIs, the worker, three relays"


def test_a_message_that_could_not_be_processed_is_set_aside_with_a_reason_or_tried_again(
    operator: Any, scene: Scene
) -> None:
    with ThreadPoolExecutor() as apart:  # the browser's loop runs in this thread
        apart.submit(asyncio.run, produce(scene, b"not an event")).result()
    page = operator().page

    def arrived() -> bool:
        page.goto("/dead-letters")
        return bool(page.locator("main .app-row").count())

    wait_until(arrived, "the message is a dead letter")
    page.click("main .app-row__title")
    expect(page.locator("pre")).to_have_text("not an event")
    page.click("button[value=discard]")
    expect(page.locator(".govuk-error-summary")).to_be_visible()
    page.fill("#f-reason", "It is no event of ours")
    page.click("button[value=discard]")
    page.wait_for_url("**?came=done")
    expect(page.locator("main")).to_contain_text("It is no event of ours")
    page.click("button[value=retry]")
    page.wait_for_url("**?came=done")
    letter = page.url.rpartition("/")[2].partition("?")[0]
    wait_until(
        lambda: scene.ask("referral", "GET", f"/v1/dead-letters/{letter}", "operator")["state"] == "open",
        "it was tried again, and has failed again",
    )


def test_the_audit_log_is_searched_by_a_referral_and_checked(operator: Any, scene: Scene) -> None:
    page = operator().page
    referral = scene.referrals["admitted"]
    page.goto(f"/children/{referral}")
    page.click(f"a[href='/audit-log?about={referral}']")
    acts = page.locator("main .app-row__title").all_inner_texts()
    assert {"Offer accepted", "Child admitted"} <= set(acts), "the acts of the center"
    page.click("a[href^='/audit-log/check']")
    expect(page.locator("main")).to_contain_text("as they were written")


def test_a_page_of_operators_is_for_nobody_else(visit: Open, scene: Scene) -> None:
    page = visit("en")
    page.sign_in("polyclinic", scene.organization("polyclinic"))
    for path in (
        "/map",
        "/escalated",
        "/audit",
        "/dead-letters",
        "/audit-log",
        f"/children/{scene.referrals['offered']}",
    ):
        answer = page.page.goto(path)
        assert getattr(answer, "status", 0) == 403, path


def story(scene: Scene, referral: str) -> Any:
    return scene.ask("referral", "GET", f"/v1/referrals/{referral}", "operator")


async def produce(scene: Scene, message: bytes) -> None:
    producer = AIOKafkaProducer(**admin_options(scene.network.plan))
    await producer.start()
    await producer.send_and_wait("joldama.diagnoses.v1", message, key=b"poison")
    await producer.stop()
