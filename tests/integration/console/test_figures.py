"""Every figure of an operator's pages leads to a list of as many children as it says."""

import re
from html import unescape

import httpx2
import pytest

from tests.pages.scene import Scene
from tests.pages.waiting import make_wait
from tests.support.children import submissions
from tests.support.console import Browser
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until

pytestmark = pytest.mark.timeout(600)
LINK = re.compile(r'<a [^>]*href="(/(?:children|queues)[^"]*)"[^>]*>(.*?)</a>', re.S)
ROW = re.compile(r'<li class="app-row" id="r-')
NEXT = re.compile(r'rel="next" href="([^"]+)"')


@pytest.fixture(scope="module")
def busy(country: RunningNetwork) -> RunningNetwork:
    """Some children are on their way, one of them waits, and nothing moves."""
    headers = country.headers("polyclinic", "demo-polyclinic")
    for body in submissions(12, seed=95):
        httpx2.post(f"{country.url('intake')}/v1/diagnoses", json=body, headers=headers)
    url, operator = f"{country.url('referral')}/v1/referrals?status=submitted", country.headers("operator")
    wait_until(lambda: not httpx2.get(url, headers=operator).json()["items"], "every child is routed")
    make_wait(Scene(country))
    return country


@pytest.fixture
def operator(busy: RunningNetwork, browser: Browser) -> Browser:
    browser.sign_in("operator")
    return browser


def figures(page: str) -> dict[str, int]:
    """The addresses of lists with the number that the link to each says."""
    found = {}
    for address, content in LINK.findall(page.partition('id="main-content"')[2].partition("<footer")[0]):
        numbers = re.findall(r"\d[\d,]*", re.sub(r"<[^>]+>", " ", content))
        if numbers and "children/" not in address:
            found[unescape(address)] = int(numbers[0].replace(",", ""))
    return found


def listed(browser: Browser, address: str) -> int:
    """How many children all pages of a list have."""
    count, following = 0, address
    while following:
        page = browser.get(following).text
        count += len(ROW.findall(page))
        found = NEXT.search(page)
        following = unescape(found[1]) if found else ""
    return count


@pytest.mark.parametrize(
    "page",
    ["/", "/map", "/map?region=KZ-71", "/map?modality=inpatient", "/waiting", "/trends?span=day", "/trends?span=year"],
)
def test_every_figure_is_the_number_of_children_in_its_list(operator: Browser, page: str) -> None:
    found = figures(operator.get(page).text)
    assert len(found) >= 2, "the page has figures that lead on"
    assert {address: listed(operator, address) for address in found} == found


def test_no_tile_is_without_its_list(operator: Browser) -> None:
    tiles = re.findall(r'<li class="app-tile.*?</li>', operator.get("/").text, re.S)
    assert len(tiles) >= 6
    assert all('href="/' in one for one in tiles)


def test_the_map_says_of_what_its_figures_are(operator: Browser) -> None:
    whole, diagnosis = "The map and the table show the whole country", "of programmes that accept such diagnoses"
    for query, said in (("", (False, False)), ("?region=KZ-75", (True, False)), ("?diagnosis=G80", (False, True))):
        page = operator.get(f"/map{query}").text
        assert (whole in page, diagnosis in page) == said, query
    assert "The rest is hidden" not in operator.get("/map?region=KZ-75").text, "map and table hide nothing"
