"""`/services`: an operator sees whether each process of the network is ready, those without an API too."""

import re

import pytest

from services.local.plan import APIS, CONSOLE, PROBED
from tests.integration.console.conftest import NewBrowser
from tests.support.console import Browser
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

pytestmark = pytest.mark.timeout(600)
WORKER = "referral-worker"


def shown(browser: Browser) -> dict[str, bool]:
    """Whether each process is shown as ready."""
    rows = re.findall(r'<li class="app-row">.*?<code>([a-z-]+)</code>.*?govuk-tag--(green|red)', _page(browser), re.S)
    return {name: color == "green" for name, color in rows}


def _page(browser: Browser) -> str:
    answer = browser.get("/services")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_every_process_is_shown_and_ready(browser: Browser) -> None:
    browser.sign_in("operator")
    everybody = {CONSOLE, *APIS, *PROBED}
    wait_until(lambda: shown(browser) == dict.fromkeys(everybody, True), "each process is shown as ready")
    assert "not asked" not in _page(browser), "no part is left out"


def test_a_worker_that_hangs_is_shown_as_not_ready_and_the_others_as_they_are(
    country: RunningNetwork, browser: Browser
) -> None:
    browser.sign_in("operator")
    with country.paused(WORKER):
        found = shown(browser)
    assert not found[WORKER], "it answers no probe"
    assert all(ready for name, ready in found.items() if name != WORKER), found
    wait_until(lambda: shown(browser)[WORKER], "it is ready again once it goes on")


def test_a_check_that_fails_is_named(country: RunningNetwork, browser: Browser) -> None:
    browser.sign_in("operator")
    with country.paused("kafka"):
        wait_until(lambda: not shown(browser)["intake-relay"], "a relay without Kafka is not ready")
        assert re.search(r"<code>intake-relay</code>[^<]*Not ready:\s*<code>kafka</code>", _page(browser)), _page(
            browser
        )
    wait_until(lambda: all(shown(browser).values()), "everybody is ready again")


def test_nobody_but_operators_sees_them(new_browser: NewBrowser) -> None:
    nurse = new_browser()
    nurse.sign_in("polyclinic", "demo-polyclinic")
    answer = nurse.get("/services")
    assert answer.status_code == 403, answer.status_code
