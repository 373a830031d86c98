"""The hub of live pages: who is told of what."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from services.console.upstream.feed import BEAT, CHANGED, LOST, Hub, Interest
from services.contracts.changes import Change
from services.contracts.vocabulary import Role

OWN, OTHER = "0190", "0191"
STEP = Change(referral_id=OWN, polyclinic_id="p1", center_id="c1")


def interest(role: str, organization: str = "", *referrals: str, worklist: bool = False) -> Interest:
    return Interest(Role(role), organization, None if worklist else frozenset(referrals))


@pytest.mark.parametrize(
    "one",
    [
        interest("polyclinic", "p1", OWN),
        interest("polyclinic", "p1", worklist=True),
        interest("center", "c1", OWN),
        interest("center", "c1", worklist=True),
        interest("operator", "", OWN),
        interest("admin", worklist=True),
    ],
)
def test_a_step_is_of_its_polyclinic_its_center_and_operators(one: Interest) -> None:
    assert one.has(STEP), one


@pytest.mark.parametrize(
    "one",
    [
        interest("polyclinic", "p2", OWN),
        interest("polyclinic", "p2", worklist=True),
        interest("polyclinic", "p1", OTHER),
        interest("polyclinic", "c1", worklist=True),
        interest("center", "c2", OWN),
        interest("center", "p1", worklist=True),
        interest("center", "", worklist=True),
        interest("operator"),
    ],
)
def test_nobody_else_is_told_also_not_by_naming_the_referral(one: Interest) -> None:
    assert not one.has(STEP), one


def test_a_step_that_is_about_no_offer_is_of_no_center() -> None:
    step = Change(referral_id=OWN, polyclinic_id="p1")
    assert not interest("center", "c1", OWN).has(step), "where the child goes next is not its last center's to know"


@pytest.mark.parametrize(
    ("role", "organization", "sees"),
    [("operator", "", True), ("center", "c1", True), ("center", "c2", False), ("polyclinic", "p1", False)],
)
def test_places_as_they_change_are_seen_by_operators_and_the_center(role: str, organization: str, sees: bool) -> None:
    assert Interest(Role(role), organization, places=True).has_step("c1") == sees


async def go_on() -> bool:
    return True


async def opened(hub: Hub, one: Interest) -> AsyncGenerator[bytes, None]:
    page = hub.follow(one, go_on)
    assert await anext(page) == BEAT
    return page


async def test_many_steps_at_once_are_one_message() -> None:
    hub = Hub(apart=0.01, beat=0.05)
    page = await opened(hub, interest("polyclinic", "p1", worklist=True))
    for _ in range(100):
        hub.tell_change(STEP)
    assert [await anext(page), await anext(page)] == [CHANGED, BEAT]
    await page.aclose()


async def test_only_those_who_see_published_figures_are_told_of_a_publication() -> None:
    hub = Hub(apart=0, beat=0.05)
    polyclinic = await opened(hub, Interest(Role.POLYCLINIC, "p1", places=True))
    operator = await opened(hub, Interest(Role.OPERATOR, places=True))
    other = await opened(hub, interest("polyclinic", "p1", worklist=True))
    hub.tell_published()
    assert [await anext(one) for one in (polyclinic, operator, other)] == [CHANGED, BEAT, BEAT]
    hub.tell_step("c1")
    assert [await anext(one) for one in (polyclinic, operator, other)] == [BEAT, CHANGED, BEAT]


async def test_after_a_break_every_page_looks_anew() -> None:
    hub = Hub(apart=0, beat=5)
    pages = [await opened(hub, interest("center", f"c{number}", OWN)) for number in range(5)]
    hub.tell_all(spread=0.05)
    assert [await anext(one) for one in pages] == [CHANGED] * 5


async def test_a_page_is_told_that_the_console_hears_nothing_and_looks_anew_when_it_hears_again() -> None:
    hub = Hub(apart=0, beat=0.05)
    page = await opened(hub, interest("polyclinic", "p1", worklist=True))
    hub.lose("referral")
    assert await anext(page) == LOST
    hub.regain("capacity")
    assert await anext(page) == LOST, "one service is still away"
    hub.regain("referral")
    told = [await anext(page)]
    while told[-1] == BEAT:
        told.append(await anext(page))
    assert told[-1] == CHANGED
    await page.aclose()


async def test_a_page_ends_when_its_session_does() -> None:
    async def over() -> bool:
        return False

    hub = Hub(apart=0, beat=0.01)
    assert [one async for one in hub.follow(interest("operator"), over)] == [BEAT]
    assert hub.count == 0


async def test_all_pages_end_when_the_process_stops() -> None:
    hub = Hub(apart=0, beat=60)
    page = await opened(hub, interest("operator"))
    waiting = asyncio.ensure_future(anext(page, b"ended"))
    await asyncio.sleep(0)
    hub.close()
    assert await waiting == b"ended"
