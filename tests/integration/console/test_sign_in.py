"""Signing in and out on a local network, and what is refused."""

from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from tests.integration.console.conftest import NewBrowser
from tests.support.console import Browser, form_token
from tests.support.network import RunningNetwork

pytestmark = pytest.mark.timeout(600)
POLYCLINIC = "demo-polyclinic"


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(browser: Browser) -> None:
    first = browser.get("/live?worklist=1")
    assert (first.status_code, first.headers["Location"]) == (303, "/sign-in?back=%2Flive%3Fworklist%3D1")
    back = browser.sign_in("operator", back="%2Fhelp%2Foperator")
    assert back.headers["Location"] == "/help/operator"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:x"])
def test_the_way_back_never_leaves_the_console(browser: Browser, elsewhere: str) -> None:
    answer = browser.submit("/sign-in", who=f"polyclinic/{POLYCLINIC}", back=elsewhere)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_session_has_a_cookie_that_no_script_reads_and_no_other_site_sends(browser: Browser) -> None:
    cookie = browser.sign_in("polyclinic", POLYCLINIC).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))


def test_the_page_names_the_organization(browser: Browser) -> None:
    browser.sign_in("center", "almaty-cp-center")
    assert "Almaty" in browser.get("/help/center").text.partition("app-header__user")[2].partition("</span>")[0]


def test_who_signs_out_is_signed_out_also_with_the_old_cookie(browser: Browser) -> None:
    browser.sign_in("polyclinic", POLYCLINIC)
    cookie = {"Cookie": f"session={browser.session}"}
    browser.post("/sign-out", browser.token())
    assert browser.get("/live", headers=cookie).status_code == 303


def test_a_sign_in_makes_a_new_secret_and_ends_the_old_session(browser: Browser) -> None:
    browser.sign_in("polyclinic", POLYCLINIC)
    cookie = {"Cookie": f"session={browser.session}"}
    browser.sign_in("operator")
    assert browser.get("/live", headers=cookie).status_code == 303


def test_a_choice_that_was_not_offered_is_none(browser: Browser) -> None:
    answer = browser.submit("/sign-in", who="admin/")
    assert (answer.status_code, browser.session) == (422, "")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}]
)
def test_a_post_from_another_site_does_nothing(browser: Browser, headers: dict[str, str]) -> None:
    browser.sign_in("polyclinic", POLYCLINIC)
    assert browser.post("/sign-out", browser.token(), headers).status_code == 403
    with browser.live("worklist=1") as lines:
        assert next(lines) == "data: beat", "the session goes on"


@pytest.mark.parametrize("token", ["", "1.2.3", "garbage"])
def test_a_post_without_a_token_of_ours_does_nothing(browser: Browser, token: str) -> None:
    browser.sign_in("polyclinic", POLYCLINIC)
    assert browser.post("/sign-out", token).status_code == 403


def test_a_form_of_another_user_is_not_taken(new_browser: NewBrowser) -> None:
    victim, other = new_browser(), new_browser()
    victim.sign_in("polyclinic", POLYCLINIC)
    other.sign_in("center", "almaty-cp-center")
    assert victim.post("/sign-out", other.token()).status_code == 403


def test_an_old_browser_is_judged_by_the_origin(browser: Browser) -> None:
    page = browser.get("/sign-in").text
    del browser.http.headers["Sec-Fetch-Site"]
    refused = browser.post("/sign-in", form_token(page), {"Origin": "https://evil.example"}, who="operator/")
    taken = browser.post("/sign-in", form_token(page), {"Origin": browser.url}, who="operator/")
    assert (refused.status_code, taken.status_code) == (403, 303)


def test_no_token_of_a_user_stands_in_the_clear_in_redis(country: RunningNetwork, browser: Browser) -> None:
    browser.sign_in("polyclinic", POLYCLINIC)
    redis: Any = Redis.from_url(country.plan.redis_url)
    keys = list(redis.scan_iter("*console:session:*"))
    assert keys
    kept = b"".join(key + redis.get(key) for key in keys)
    assert browser.session.encode() not in kept
    assert b"eyJhbGciOi" not in kept, "the beginning of every token"
    assert b"polyclinic" not in kept


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_an_address_of_nothing_is_a_page_of_that_language(new_browser: NewBrowser, language: str) -> None:
    browser = new_browser()
    answer = browser.get("/no/such/page", headers={"Accept-Language": language})
    assert (answer.status_code, answer.headers["Content-Language"]) == (404, language)
    assert f'<html lang="{language}"' in answer.text


def test_the_console_reaches_nothing_else_in_redis(country: RunningNetwork) -> None:
    redis: Any = Redis.from_url(country.plan.sessions_url)
    for refused in (("GET", "joldama:programmes"), ("SCAN", "0"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*")):
        with pytest.raises(NoPermissionError):
            redis.execute_command(*refused)
