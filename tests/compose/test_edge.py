"""The console and the APIs through the composed proxy, by TLS: what browsers and families outside meet."""

import re
from collections.abc import Iterator

import pytest

from tests.compose.composed import IMAGE, Composed
from tests.compose.edge import addresses
from tests.support.console import Browser, form_token
from tests.support.servers import wait_until

BEAT, CHANGED = "data: beat", "data: changed"
UNKNOWN_CODE = "6H28P-B5SR3-5PG6Z-R6B62"
EVERY_PROCESS = 8
TWO_MINUTES_OF_LOOKS = 240
"""After which one address has spent its minute, whenever that began."""


@pytest.fixture
def browser(composed: Composed) -> Iterator[Browser]:
    with composed.edge.browser() as found:
        yield found


def test_the_sign_in_page_comes_by_https_with_its_headers(browser: Browser) -> None:
    answer = browser.get("/sign-in")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy or "default-src 'self'" in policy, policy
    assert "unsafe-inline" not in policy, policy
    assert "frame-ancestors 'none'" in policy, policy
    assert answer.headers["Cache-Control"] == "no-store"


def test_assets_have_hashed_names_and_come_compressed_for_ever(browser: Browser) -> None:
    names = set(re.findall(r'"/assets/([^"]+\.js)"', browser.get("/sign-in").text + browser.get("/family").text))
    assert names, "the pages have scripts"
    for name in names:
        assert re.fullmatch(r"[a-z-]+\.[0-9a-zA-Z_-]{8,}\.js", name), f"{name} has a hash"
        answer = browser.get(f"/assets/{name}", headers={"Accept-Encoding": "gzip, deflate, br"})
        assert answer.headers["Content-Encoding"] == "br", name
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", name


def test_who_signs_in_has_a_cookie_of_this_host_by_https_only(browser: Browser) -> None:
    answer = browser.sign_in("polyclinic", "demo-polyclinic")
    cookies = [one for one in answer.headers.get_list("Set-Cookie") if "session=" in one]
    assert len(cookies) == 1, answer.headers
    name, *attributes = re.split(r"; ?", cookies[0])
    assert name.startswith("__Host-session="), name
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {one.lower() for one in attributes}, attributes
    assert not any(one.lower().startswith("domain") for one in attributes), attributes
    assert "Demo polyclinic" in browser.get("/").text, "the landing page is that polyclinic's"


def test_a_live_page_is_told_of_a_step_while_it_is_open(composed: Composed, browser: Browser) -> None:
    """A proxy that keeps the answer until it is long would say nothing here, until the request ends with an error."""
    browser.sign_in("operator")
    with browser.live("worklist=1") as lines:
        assert next(lines) == BEAT
        composed.submit(1, seed=31)
        assert next(line for line in lines if line == CHANGED) == CHANGED


def test_an_operator_sees_that_every_process_is_ready(browser: Browser) -> None:
    browser.sign_in("operator")

    def tags(color: str) -> int:
        return browser.get("/services").text.count(f"govuk-tag--{color}")

    wait_until(lambda: tags("green") == EVERY_PROCESS, "the console, three APIs, the worker and three relays are ready")
    assert tags("red") == 0, "and nothing else is shown that is not"


def test_an_api_answers_by_its_name_and_keeps_its_inside_to_itself(composed: Composed) -> None:
    operator = {"Authorization": f"Bearer {composed.token('operator')}"}
    for service, path in (("intake", "/v1/keys"), ("referral", "/v1/centers"), ("capacity", "/v1/capacity")):
        with composed.edge.client(service) as http:
            assert http.get(path, headers=operator).status_code == 200, f"{service}{path}"
            inside = {one: http.get(one, headers=operator).status_code for one in ("/readyz", "/metrics", "/docs")}
        assert set(inside.values()) == {404}, f"{service}: {inside}"


def test_the_feed_comes_through_the_proxy_as_it_happens(composed: Composed) -> None:
    operator = {"Authorization": f"Bearer {composed.token('operator')}"}
    with composed.edge.client("capacity") as http:
        with http.stream("GET", "/v1/capacity/feed", headers=operator) as feed:
            assert feed.status_code == 200, feed.status_code
            mine = composed.submit(5, seed=32)
            told = next(
                line for line in feed.iter_lines() if line.startswith("data:") and any(id in line for id in mine)
            )
    assert told, "a step of one of these children"


def look_until_refused(browser: Browser) -> list[int]:
    """The statuses of a family's looks by a code that nobody has, with a claim to be another address each time."""
    token, statuses = form_token(browser.get("/family").text), list[int]()
    fields = {"code": UNKNOWN_CODE, "day": "15", "month": "6", "year": "2020"}
    while len(statuses) <= TWO_MINUTES_OF_LOOKS and 429 not in statuses:
        claim = {"X-Forwarded-For": f"203.0.113.{len(statuses) % 250}"}
        fields["code"] = f"{UNKNOWN_CODE[:-3]}{len(statuses):03}"  # one code has a limit of its own
        statuses.append(browser.post("/family", token, claim, **fields).status_code)
    return statuses


def test_looks_of_families_are_counted_by_their_own_addresses_behind_the_proxy(composed: Composed) -> None:
    proxy = composed.compose("ps", "--quiet", "proxy").strip()
    with addresses(proxy, 2, IMAGE) as (one, another):
        with composed.edge.browser(one) as guesser, composed.edge.browser(another) as family:
            statuses = look_until_refused(guesser)
            assert set(statuses[:-1]) == {422}, "until then the page says that nothing is known"
            assert statuses[-1] == 429, f"{len(statuses)} looks of one address, whoever it claims to be, were answered"
            token = form_token(family.get("/family").text)
            answer = family.post("/family", token, code=UNKNOWN_CODE, day="15", month="6", year="2020")
            assert answer.status_code == 422, "another family is not refused for the first one's guesses"
