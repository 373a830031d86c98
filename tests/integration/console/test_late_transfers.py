"""Requests between polyclinics that nobody answered in time: a tile with its count, which leads to them."""

from collections.abc import Iterator

import httpx2
import pytest
from sqlalchemy import create_engine, text

from tests.integration.console.conftest import NewBrowser
from tests.integration.console.test_own_work import tile
from tests.support.children import submissions
from tests.support.network import RunningNetwork

pytestmark = pytest.mark.timeout(600)
HOLDER, ASKER = "demo-polyclinic", "second-polyclinic"
OWN = "/transfers?only=overdue"


@pytest.fixture
def late(country: RunningNetwork) -> Iterator[None]:
    """ASKER asks HOLDER for a child, and three working days have passed."""
    intake, child = country.url("intake"), submissions(1, seed=94)[0]
    sent = httpx2.post(f"{intake}/v1/diagnoses", json=child, headers=country.headers("polyclinic", HOLDER))
    sent.raise_for_status()
    wanted = {name: child["child"][name] for name in ("iin", "full_name", "birth_date")}
    headers = country.headers("polyclinic", ASKER)
    httpx2.post(f"{intake}/v1/transfers", json=wanted, headers=headers).raise_for_status()
    engine = create_engine(country.plan.intake_sql_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE transfer SET answer_by = 1 WHERE state = 'asked'"))
    engine.dispose()
    yield
    for one in httpx2.get(f"{intake}/v1/transfers?overdue=true", headers=country.headers("operator")).json()["items"]:
        path = f"{intake}/v1/transfers/{one['transfer_id']}/refuse"
        httpx2.post(path, headers=country.headers("operator")).raise_for_status()


@pytest.mark.usefixtures("late")
def test_an_operator_and_the_holder_see_how_many_are_late_and_are_led_to_them(new_browser: NewBrowser) -> None:
    operator, holder, asker = (new_browser() for _ in range(3))
    operator.sign_in("operator")
    holder.sign_in("polyclinic", HOLDER)
    asker.sign_in("polyclinic", ASKER)
    assert tile(operator.get("/").text, "/late-transfers") == 1
    assert "Demo polyclinic has the child, Second demo polyclinic asks for it" in operator.get("/late-transfers").text
    assert tile(holder.get("/").text, OWN) == 1
    page = holder.get(OWN).text
    assert page.count("Give the child") == 1
    assert "Shown: requests that you have not answered in time. The rest is hidden." in page
    assert tile(asker.get("/").text, OWN) == 0, "it waits for the other one's answer"


def test_without_any_the_tiles_say_none(new_browser: NewBrowser) -> None:
    operator = new_browser()
    operator.sign_in("operator")
    assert tile(operator.get("/").text, "/late-transfers") == 0
