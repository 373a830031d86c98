"""The nurse prints a paper, and the family sees with it how far the referral is; anybody signed in sees why."""

import re
from datetime import date

import pytest
from playwright.sync_api import expect

from services.cli.token import LOCAL_POLYCLINIC
from services.console.words.i18n import read_words
from services.contracts.vocabulary import Language
from tests.pages.conftest import Open
from tests.pages.scene import Scene

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
CODE = re.compile(r"^[0-9A-Z]{5}(-[0-9A-Z]{5}){3}$")


def known(scene: Scene, name: str) -> tuple[str, date]:
    """The code of a referral, and its child's birth date."""
    path = f"/v1/diagnoses/{scene.referrals[name]}"
    child = scene.ask("intake", "GET", path, "polyclinic", LOCAL_POLYCLINIC)["child"]
    code = scene.ask("intake", "GET", f"{path}/family-code", "polyclinic", LOCAL_POLYCLINIC)["code"]
    return code, date.fromisoformat(child["birth_date"])


@pytest.mark.parametrize("scripts", [True, False])
def test_the_paper_leads_the_family_to_its_page(visit: Open, scene: Scene, scripts: bool) -> None:
    nurse = visit("ru", scripts=scripts)
    nurse.sign_in("polyclinic", LOCAL_POLYCLINIC)
    nurse.page.goto(f"/referrals/{scene.referrals['accepted']}/paper?language=kk")
    sheet = nurse.page.locator(".app-sheet")
    code, born = known(scene, "accepted")
    assert CODE.match(code), code
    expect(sheet).to_contain_text(code)
    expect(sheet).to_contain_text("Оңалтуға жолдама")
    expect(nurse.page.get_by_role("button", name="Напечатать")).to_be_visible(visible=scripts)
    birth_date = read_words()[Language.KAZAKH].day(born)
    assert birth_date not in sheet.inner_text(), "whoever finds the paper has not all that the family knows"
    expect(nurse.page.locator("h1")).to_have_text("Лист для семьи")

    mother = visit("kk", 360, scripts=scripts)
    mother.page.goto(f"/family#{code}" if scripts else "/family")
    field = mother.page.locator("#f-code")
    if scripts:
        expect(field).to_have_value(code)
        assert "#" not in mother.page.url, "the code does not stay in the address"
    else:
        field.fill(code.lower().replace("-", " "))
    for name, value in (("day", born.day), ("month", born.month), ("year", born.year)):
        mother.page.fill(f"#f-{name}", str(value))
    mother.page.click("main form button")
    content = mother.page.locator("main")
    expect(content).to_contain_text("Қабылданды")
    expect(content).to_contain_text("Келетін күн")
    story = scene.ask("referral", "GET", f"/v1/referrals/{scene.referrals['accepted']}", "operator")
    assert story["icd10"] not in content.inner_text(), "no diagnosis"
    assert [*nurse.faults, *mother.faults] == []


def test_a_wrong_birth_date_keeps_what_was_typed_and_says_it_kindly(visit: Open, scene: Scene) -> None:
    mother = visit("ru", 360)
    code, _ = known(scene, "offered")
    mother.page.goto("/family")
    mother.page.click("main form button")
    expect(mother.page.locator(".govuk-error-summary li")).to_have_count(2)
    mother.page.fill("#f-code", code)
    for name, value in (("day", "31"), ("month", "1"), ("year", "2001")):
        mother.page.fill(f"#f-{name}", value)
    mother.page.click("main form button")
    expect(mother.page.locator(".govuk-error-summary")).to_contain_text("Направления с таким кодом")
    expect(mother.page.locator("#f-code")).to_have_value(code)


def test_why_shows_the_chosen_center_and_a_center_sees_its_own_part_only(visit: Open, scene: Scene) -> None:
    path = f"/referrals/{scene.referrals['offered']}/why"
    story = scene.ask("referral", "GET", f"/v1/referrals/{scene.referrals['offered']}", "operator")
    nurse = visit("en")
    nurse.sign_in("polyclinic", LOCAL_POLYCLINIC)
    nurse.page.goto(path)
    assert nurse.page.locator("main .app-rows .app-row").count() >= len(story["decision"]["candidates"])
    expect(nurse.page.locator("main .govuk-tag--green")).to_have_count(1)
    expect(nurse.page.locator("svg.app-map--part .spot--chosen")).to_have_count(1)
    expect(nurse.page.locator("main details", has_text="They do not take children of this age")).to_have_count(
        1 if "age" in story["decision"]["excluded"] else 0
    )
    center = visit("en")
    center.sign_in("center", scene.center)
    center.page.goto(path)
    own = [one for one in story["decision"]["candidates"] if one["center_id"] == scene.center]
    expect(center.page.locator("main .app-rows .app-row")).to_have_count(len(own))
    expect(center.page.locator("main details")).to_have_count(0)
    stranger = visit("en")
    stranger.sign_in("polyclinic", "second-polyclinic")
    answer = stranger.page.goto(path)
    assert answer is not None
    assert answer.status == 404, "to another polyclinic it does not exist"


def test_a_child_that_waits_has_its_place_and_its_day_with_how_they_were_found(visit: Open, scene: Scene) -> None:
    code, born = known(scene, "waiting")
    story = scene.ask("referral", "GET", f"/v1/referrals/{scene.referrals['waiting']}", "polyclinic", LOCAL_POLYCLINIC)
    queues = story["forecast"]["queues"]
    mother = visit("en", 360)
    mother.page.goto("/family")
    mother.page.fill("#f-code", code)
    for name, value in (("day", born.day), ("month", born.month), ("year", born.year)):
        mother.page.fill(f"#f-{name}", str(value))
    mother.page.click("main form button")
    for one in queues:
        text = f"number {one['position']:,} of {one['length']:,} in the queue"
        expect(mother.page.get_by_text(text).first).to_be_visible()
    expect(mother.page.get_by_role("heading", name="How this was computed")).to_be_visible()
