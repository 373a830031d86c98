"""Live pages over the whole network: a step of a referral reaches those whose it is."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import pytest

from tests.integration.console.conftest import NewBrowser
from tests.support.console import Browser
from tests.support.network import RunningNetwork
from tests.support.offers import make_offered

pytestmark = pytest.mark.timeout(600)
POLYCLINIC = "demo-polyclinic"
BEAT, CHANGED = "data: beat", "data: changed"


def mark_seen(country: RunningNetwork, story: dict[str, Any]) -> None:
    url = f"{country.url('referral')}/v1/referrals/{story['id']}/seen"
    httpx2.post(url, json={}, headers=country.headers("center", story["center_id"])).raise_for_status()


@contextmanager
def listening(browser: Browser, query: str) -> Iterator[Iterator[str]]:
    """The lines to a page that is being told from now on."""
    with browser.live(query) as lines:
        assert next(lines) == BEAT
        yield lines


def test_a_step_is_told_to_its_polyclinic_its_center_and_operators(
    country: RunningNetwork, new_browser: NewBrowser
) -> None:
    story = make_offered(country, POLYCLINIC, seed=21)
    people = {
        "center": (story["center_id"], "worklist=1"),
        "operator": ("", "worklist=1"),
        "polyclinic": (POLYCLINIC, f"referral={story['id']}"),
    }
    with ExitStack() as stack:
        told = []
        for role, (organization, query) in people.items():
            browser = new_browser()
            browser.sign_in(role, organization)
            told.append(stack.enter_context(listening(browser, query)))
        mark_seen(country, story)
        assert [next(line for line in lines if line == CHANGED) for lines in told] == [CHANGED] * 3


def test_an_operators_map_is_told_of_a_place_that_is_taken(country: RunningNetwork, browser: Browser) -> None:
    browser.sign_in("operator")
    with listening(browser, "places=1") as lines:
        make_offered(country, POLYCLINIC, seed=22)
        assert next(line for line in lines if line == CHANGED) == CHANGED


def test_pages_look_anew_after_the_services_were_away(country: RunningNetwork, browser: Browser) -> None:
    browser.sign_in("polyclinic", POLYCLINIC)
    with listening(browser, "worklist=1") as lines:
        before = country.kill("referral")
        country.wait_restarted("referral", before)
        assert next(line for line in lines if line == CHANGED) == CHANGED


def test_the_stream_ends_with_the_session(country: RunningNetwork, new_browser: NewBrowser) -> None:
    browser = new_browser()
    browser.sign_in("polyclinic", POLYCLINIC)
    with listening(browser, "worklist=1") as lines:
        browser.post("/sign-out", browser.token())
        told = list(lines)
    assert told.count(BEAT) <= 1, "at the next sign of life it is over"
