"""The line drops, or services start anew, under open pages: these say so, catch up, and lose nothing that was typed."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.browser import Visitor
from tests.pages.nurse import BORN, field, fill_in, find, numbers, press
from tests.pages.scene import MADE_UP, Scene
from tests.support.servers import wait_until
from tests.support.tcp_proxy import TcpProxies
from tests.unit.intake.samples import iin_of

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
DOWN = 30
"""Seconds without a line."""


@pytest.fixture
def lines(browser: Browser, scene: Scene) -> Iterator[tuple[TcpProxies, dict[str, Visitor]]]:
    """Operators, each of whom reaches the console over a line of the name, or without one."""
    port = int(scene.console.rpartition(":")[2])
    with TcpProxies() as proxies:
        console = {name: f"http://127.0.0.1:{proxies.add(name, port)}" for name in ("cut", "silent")}
        visitors = {name: Visitor(browser, url, "en") for name, url in (console | {"off": scene.console}).items()}
        yield proxies, visitors
        for one in visitors.values():
            one.close()


def test_a_line_is_down_for_half_a_minute_and_the_pages_say_so_and_catch_up_by_themselves(
    lines: tuple[TcpProxies, dict[str, Visitor]], scene: Scene
) -> None:
    proxies, visitors = lines
    referral = an_offer(scene)
    pages = [open_live(one, f"/children/{referral['id']}") for one in visitors.values()]
    proxies.cut("cut")
    proxies.silence("silent")
    visitors["off"].context.set_offline(True)
    since = time.monotonic()
    accept(scene, referral)
    for page in pages:
        expect(page.locator(".app-live__lost")).to_be_visible(timeout=DOWN * 1000)
        expect(page.locator(".app-live__on")).to_be_hidden()
    wait_until(lambda: time.monotonic() - since > DOWN, "the line is back")
    for page in pages:
        expect(page.locator(".app-live__lost")).to_be_visible()
        expect(page.locator("#progress")).to_contain_text("The child is offered to")
    for name in ("cut", "silent"):
        proxies.restore(name)
    visitors["off"].context.set_offline(False)
    for page in pages:
        caught_up(page, "expects the child on")


def an_offer(scene: Scene) -> dict[str, Any]:
    """One of the nurse's, that no other test needs."""
    return next(
        one
        for one in scene.of_state("offered")
        if one["id"] != scene.referrals["offered"] and one["polyclinic_id"] == scene.organization("polyclinic")
    )


def accept(scene: Scene, referral: dict[str, Any]) -> None:
    path = f"/v1/referrals/{referral['id']}/accept"
    scene.ask("referral", "POST", path, "center", referral["center_id"], json={})


def open_live(visitor: Visitor, path: str) -> Page:
    visitor.sign_in("operator")
    visitor.page.goto(path)
    expect(visitor.page.locator(".app-live__on")).to_be_visible()
    visitor.page.evaluate("window.opened = true")
    return visitor.page


def caught_up(page: Page, text: str) -> None:
    expect(page.locator("#progress")).to_contain_text(text, timeout=30_000)
    expect(page.locator(".app-live__on")).to_be_visible()
    expect(page.locator(".app-live__lost")).to_be_hidden()
    assert page.evaluate("window.opened"), "the page was not loaded again"


@pytest.mark.parametrize("parts", [["console"], ["referral", "valkey"]], ids=" and ".join)
def test_services_start_anew_under_an_open_page_and_an_open_form(parts: list[str], nurse: Any, scene: Scene) -> None:
    visitor, number, referral = nurse("ru"), next(numbers), an_offer(scene)
    form = visitor.page
    find(form, iin_of(BORN, "female", number))
    fill_in(form, number)
    page = visitor.context.new_page()
    page.goto(f"/referrals/{referral['id']}")
    expect(page.locator(".app-live__on")).to_be_visible()
    page.evaluate("window.opened = true")

    killed = {part: scene.network.kill(part) for part in parts}
    for part, before in killed.items():
        scene.network.wait_restarted(part, before)
    accept(scene, referral)
    caught_up(page, "Ребёнка ждут")
    form.bring_to_front()
    press(form, "review")
    press(form, "send")
    form.wait_for_url("**/referrals/*came=sent")


def test_pages_whose_session_has_ended_show_nothing_more_and_keep_what_was_typed(nurse: Any, scene: Scene) -> None:
    visitor = nurse("kk")
    page, work, other = visitor.page, visitor.context.new_page(), visitor.context.new_page()
    address = f"/referrals/{scene.referrals['accepted']}"
    page.goto(address)
    expect(page.locator(".app-live__on")).to_be_visible()
    field(page, "text").fill(MADE_UP[1])
    work.goto("/")
    expect(work.locator("#work")).to_be_visible()
    other.goto("/help/polyclinic")
    other.click(".app-navigation__end button")
    expect(page.locator(".app-live__ended")).to_be_visible(timeout=30_000)
    expect(page.locator(".app-live__on")).to_be_hidden()
    expect(work.locator("#work")).to_have_count(0, timeout=30_000)
    page.bring_to_front()
    page.click(f'form[action="{address}/notes"] button')
    page.select_option("[name=who]", f"polyclinic/{scene.organization('polyclinic')}")
    page.click("main form button")
    page.click("main form button")
    page.wait_for_url(f"**{address}#notes")
    expect(page.locator("main")).to_contain_text(MADE_UP[1])
