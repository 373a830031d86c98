"""A nurse's journeys: find, fill in, review, send, follow; corrections, ends, lists and transfers."""

import re
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from services.contracts.vocabulary import Language
from tests.pages.browser import Visitor
from tests.pages.conftest import Open
from tests.pages.scene import Scene
from tests.unit.intake.samples import iin_of

pytestmark = [pytest.mark.pages, pytest.mark.timeout(180)]
BORN = date(2019, 5, 17)
numbers = count(0, 20)  # numbers that are nearer may have one IIN
CARE = {
    "kk": ("Спастикалық диплегия", "Қарағанды, Қарағанды облысы"),
    "ru": ("G80.1 Спастическая диплегия", "Караганда, Карагандинская область"),
    "en": ("G80.1", "Karagandy, Karaganda Region"),
}


@pytest.fixture
def nurse(visit: Open, scene: Scene) -> Any:
    """Open a window of a nurse who is signed in."""

    def make(language: str = "en", *, scripts: bool = True, polyclinic: str = "", width: int = 1280) -> Visitor:
        visitor = visit(language, width, scripts=scripts)
        visitor.sign_in("polyclinic", polyclinic or scene.organization("polyclinic"))
        return visitor

    return make


def field(page: Page, name: str) -> Any:
    return page.locator(f'[name="{name}"]')


def find(page: Page, iin: str) -> None:
    page.goto("/find-child")
    field(page, "iin").fill(iin)
    page.click("main form button")


def fill_in(page: Page, number: int, **changes: str) -> None:
    """All of a valid form but the IIN; another child's for another number."""
    texts = {
        "child.full_name": f"Үлгі Бала {number}", "child.birth_date": "17.05.2019",
        "guardian.full_name": "Үлгі Ана", "guardian.phone": f"8 701 55{number:05d}",
        "diagnosis.icd10": "G80.1", "settlement_id": "Караганда", "max_distance_km": "",
        "consent.given_on": "02.11.2026", **changes,
    }  # fmt: skip
    for name, text in texts.items():
        field(page, name).fill(text)
    page.check('[name="child.sex"][value="female"]')
    page.check('[name="modalities"][value="inpatient"]')
    page.check('[name="modalities"][value="day_stay"]')
    page.check('[name="consent"]')
    page.check('[name="consent.language"][value="kk"]')


def press(page: Page, step: str) -> None:
    page.click(f'button[value="{step}"]')


def submit(page: Page, **changes: str) -> str:
    """Submit a new child; its IIN."""
    number = next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, iin)
    fill_in(page, number, **changes)
    press(page, "review")
    press(page, "send")
    page.wait_for_url(re.compile(r"/referrals/[0-9a-f-]{36}\?came=sent"))
    return iin


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("scripts", [True, False], ids=["script", "plain"])
def test_a_nurse_finds_nobody_fills_in_the_form_reviews_it_and_sends_it(
    language: str, scripts: bool, nurse: Any
) -> None:
    page, number = nurse(language, scripts=scripts).page, next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, f" {iin[:6]} {iin[6:]} ")
    diagnosis, home = CARE[language]
    fill_in(page, number, **{"diagnosis.icd10": diagnosis, "settlement_id": home})
    press(page, "review")
    summary = page.locator("main")
    expect(summary).to_contain_text("+770155")
    expect(summary).to_contain_text("G80.1")
    expect(summary).to_contain_text(home)
    press(page, "send")
    page.wait_for_url(re.compile(r"/referrals/[0-9a-f-]{36}\?came=sent"))
    expect(page.locator("h1")).to_have_text(f"Үлгі Бала {number}")


def test_a_child_with_an_open_referral_is_shown_instead_of_an_empty_form(nurse: Any) -> None:
    page = nurse().page
    iin = submit(page)
    address = page.url.partition("?")[0]
    find(page, iin)
    assert page.url == f"{address}?came=found", "the open referral is shown"
    expect(page.locator("main")).to_contain_text("has an open referral already")


def test_errors_stand_beside_their_fields_and_in_a_summary_that_leads_to_them(nurse: Any) -> None:
    page = nurse("ru", scripts=False).page
    page.goto("/refer")
    press(page, "review")
    summary = page.locator(".govuk-error-summary")
    expect(summary).to_contain_text("Заполните это поле")
    links = [one.get_attribute("href") or "" for one in summary.locator("a").all()]
    assert "#f-child.full_name" in links, "the summary leads to the name"
    missing = [one for one in links if page.locator(f'[id="{one[1:]}"]').count() != 1]
    assert missing == [], "links of the summary that lead to no field"
    expect(page.locator('[id="f-child.full_name-error"]')).to_contain_text("Заполните это поле")


def test_without_a_script_what_was_typed_is_answered_with_what_may_be_meant(nurse: Any) -> None:
    page, number = nurse("ru", scripts=False).page, next(numbers)
    find(page, iin_of(BORN, "female", number))
    fill_in(page, number, **{"diagnosis.icd10": "диплегия", "settlement_id": "Актау"})
    press(page, "review")
    page.get_by_label("G80.1 Спастическая диплегия").check()
    page.get_by_label("Актау, Мангистауская область").check()
    press(page, "review")
    expect(page.locator("main")).to_contain_text("Актау, Мангистауская область")
    expect(page.locator("main")).to_contain_text("G80.1 Спастическая диплегия")
    expect(page.locator('button[value="send"]')).to_be_visible()


def test_suggestions_are_chosen_by_the_keyboard_alone(nurse: Any) -> None:
    visitor = nurse("kk")
    page = visitor.page
    page.goto("/refer")
    home = field(page, "settlement_id")
    home.press_sequentially("Алм")
    expect(page.locator('[role="option"]').first).to_be_visible()
    assert home.get_attribute("aria-expanded") == "true", "the field says that its list is open"
    home.press("ArrowDown")
    marked = page.locator('[role="option"][aria-selected="true"]')
    text = marked.text_content()
    assert home.get_attribute("aria-activedescendant") == marked.get_attribute("id"), "the marked one is told"
    home.press("Enter")
    expect(home).to_have_value(text or "nothing")
    expect(page.locator('[role="listbox"]').first).to_be_hidden()
    assert [one for one in visitor.faults if "404" not in one] == [], "the browser complains of nothing"


def test_a_draft_survives_a_lost_line_and_is_sent_once(nurse: Any) -> None:
    page, number = nurse().page, next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, iin)
    fill_in(page, number)
    key = field(page, "key").input_value()
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        page.locator('button[value="review"]').click(no_wait_after=True)
    page.context.set_offline(False)
    find(page, iin)
    expect(page.locator("[data-draft-note]")).to_be_visible()
    expect(field(page, "child.full_name")).to_have_value(f"Үлгі Бала {number}")
    expect(field(page, "settlement_id")).to_have_value("Караганда")
    assert field(page, "key").input_value() == key, "it is sent under the key that it had"
    press(page, "review")
    press(page, "send")
    page.wait_for_url(re.compile("came=sent"))
    page.goto("/refer")
    expect(field(page, "child.full_name")).to_have_value("")


def test_a_draft_is_not_shown_to_another_person(nurse: Any) -> None:
    page = nurse().page
    page.goto("/refer")
    field(page, "child.full_name").fill("Үлгі Бала")
    page.click("header ~ div button")
    page.goto("/sign-in")
    page.select_option("[name=who]", "polyclinic/second-polyclinic")
    page.click("main form button")
    page.goto("/refer")
    expect(field(page, "child.full_name")).to_have_value("")


def test_a_draft_is_gone_after_signing_out(nurse: Any, scene: Scene) -> None:
    visitor = nurse()
    page = visitor.page
    page.goto("/refer")
    field(page, "child.full_name").fill("Үлгі Бала")
    page.goto("/find-child")
    expect(page.locator("[data-draft-link]")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")
    assert page.evaluate("localStorage.length") == 0, "nothing is left in the browser"


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "plain"])
def test_a_session_that_ends_amid_the_form_loses_nothing(scripts: bool, nurse: Any, scene: Scene) -> None:
    visitor, number = nurse(scripts=scripts), next(numbers)
    page = visitor.page
    find(page, iin_of(BORN, "female", number))
    fill_in(page, number)
    page.context.clear_cookies(name=re.compile("session"))
    press(page, "review")
    page.select_option("[name=who]", f"polyclinic/{scene.organization('polyclinic')}")
    page.click("main form button")
    page.click("main form button")
    expect(page.locator("main")).to_contain_text(f"Үлгі Бала {number}")
    expect(page.locator("main")).to_contain_text("Inpatient, Day stay")
    press(page, "send")
    page.wait_for_url(re.compile("came=sent"))


def test_while_the_network_is_away_nothing_is_lost_and_nothing_is_sent_twice(nurse: Any, scene: Scene) -> None:
    page, number = nurse(scripts=False).page, next(numbers)
    iin = iin_of(BORN, "female", number)
    find(page, iin)
    fill_in(page, number)
    press(page, "review")
    scene.network.kill("intake")
    press(page, "send")
    expect(page.locator(".govuk-error-summary")).to_contain_text("What you typed is kept")
    expect(page.locator("main")).to_contain_text(f"Үлгі Бала {number}")
    scene.network.network.wait_ready()
    press(page, "send")
    page.wait_for_url(re.compile("came=sent"))


def test_back_and_send_again_makes_no_second_referral(nurse: Any) -> None:
    page, number = nurse().page, next(numbers)
    find(page, iin_of(BORN, "female", number))
    fill_in(page, number)
    press(page, "review")
    fields = page.locator("form:has(button[value=send])")
    sent = {one.get_attribute("name"): one.input_value() for one in fields.locator("input").all()}
    answers = [
        page.context.request.post(
            "/refer", form={**sent, "step": "send"}, max_redirects=0, headers={"Sec-Fetch-Site": "same-origin"}
        )
        for _ in range(2)
    ]
    places = [one.headers["location"] for one in answers]
    assert places[0] == places[1], "both lead to one referral"


def test_a_correction_changes_what_was_typed_and_nothing_else(nurse: Any) -> None:
    page = nurse().page
    submit(page, **{"max_distance_km": "900"})
    address = page.url.partition("?")[0]
    page.goto(f"{address}/correct/care")
    expect(field(page, "settlement_id")).to_have_value("Karagandy, Karaganda Region")
    field(page, "max_distance_km").fill("")
    page.check('[name="modalities"][value="outpatient"]')
    page.click("main form button")
    page.wait_for_url(re.compile("came=corrected"))
    main = page.locator("main")
    expect(main).to_contain_text("Any distance")
    expect(main).to_contain_text("Inpatient, Day stay, Outpatient")
    page.goto(f"{address}/correct/child")
    field(page, "guardian.phone").fill("12")
    page.click("main form button")
    expect(page.locator('[id="f-guardian.phone-error"]')).to_contain_text("This is no phone number")


def test_a_referral_is_ended_with_a_reason_and_a_note(nurse: Any) -> None:
    page = nurse().page
    submit(page)
    address = page.url.partition("?")[0]
    expect(page.locator("main")).to_contain_text("offered")
    page.goto(f"{address}/do/cancel")
    page.click("main form button")
    expect(page.locator(".govuk-error-summary")).to_contain_text("Choose a reason")
    page.get_by_label("The family has moved away").check()
    field(page, "note").fill("To Omsk")
    page.click("main form button")
    page.wait_for_url(re.compile("came=done"))
    expect(page.locator("main")).to_contain_text("The family has moved away")
    expect(page.locator("main")).to_contain_text("To Omsk")
    page.goto(f"{address}/do/cancel")
    expect(page.locator("main")).to_contain_text("Somebody was faster")


def test_withdrawing_the_consent_ends_the_referral(nurse: Any) -> None:
    page = nurse().page
    submit(page)
    page.get_by_role("link", name="withdraws its consent").click()
    page.click("main form button")
    page.wait_for_url(re.compile("came=done"))
    expect(page.locator("main")).to_contain_text("The consent was withdrawn on")


def test_a_filter_says_what_is_hidden_and_how_to_get_it_back(nurse: Any) -> None:
    page = nurse(scripts=False).page
    page.goto("/referrals")
    page.select_option("[name=status]", "completed")
    page.get_by_role("button", name="Show").click()
    hidden = page.locator(".app-hidden")
    expect(hidden).to_contain_text("Completed. The rest is hidden.")
    tags = {one.text_content() for one in page.locator(".app-row .govuk-tag").all()} - {"Urgent", "High priority"}
    assert tags == {"Completed"}, "only completed ones are listed"
    hidden.get_by_role("link").click()
    expect(page.locator(".app-hidden")).to_have_count(0)


def test_a_list_shows_children_by_their_names(nurse: Any) -> None:
    page = nurse("kk", scripts=False).page
    submit(page)
    name = page.locator("h1").text_content() or "nobody"
    page.goto("/referrals")
    expect(page.locator(".app-row__title").first).to_have_text(name)


def test_the_pages_of_the_list_lead_on_and_back(nurse: Any) -> None:
    page = nurse(scripts=False).page
    page.goto("/referrals")
    seen = []
    for _ in range(3):
        seen.append(rows(page))
        page.get_by_role("link", name="Next page").click()
    for before in reversed(seen):
        page.get_by_role("link", name="Previous page").click()
        assert rows(page) == before, "the page before is as it was"


def rows(page: Page) -> list[str | None]:
    return [one.get_attribute("id") for one in page.locator(".app-row").all()]


def test_another_polyclinics_referral_does_not_exist(scene: Scene, nurse: Any) -> None:
    page = nurse("kk", polyclinic="second-polyclinic").page
    for address in ("", "/correct/child", "/do/cancel", "/progress"):
        answer = page.goto(f"/referrals/{scene.referrals['offered']}{address}")
        assert answer is not None
        assert (answer.status, page.title()) == (404, "Мұндай бет жоқ – Joldama"), f"there is no such page: {address}"


def test_a_transfer_is_asked_for_and_given(nurse: Any, scene: Scene) -> None:
    own, other = nurse(), nurse(polyclinic="second-polyclinic")
    iin = submit(own.page)
    name = own.page.locator("h1").text_content() or ""
    page = other.page
    find(page, iin)
    fill_in(page, 99_998, **{"child.full_name": name})
    press(page, "review")
    press(page, "send")
    expect(page.locator(".govuk-error-summary")).to_contain_text("at another polyclinic")
    page.get_by_role("button", name="Ask for its transfer").click()
    page.wait_for_url(re.compile("came=asked"))
    own.page.goto("/transfers")
    own.page.get_by_role("button", name="Give the child").last.click()
    own.page.wait_for_url(re.compile("came=decided"))
    page.reload()
    page.locator(".app-row__title").last.click()
    expect(page.locator("h1")).to_have_text(name)


def test_a_transfer_of_nobody_is_answered_alike_and_its_errors_stand_beside_their_fields(nurse: Any) -> None:
    page = nurse("ru", scripts=False).page
    page.goto("/transfers/ask")
    field(page, "iin").fill("123")
    page.click("main form button")
    expect(page.locator("#f-iin-error")).to_contain_text("двенадцать цифр")
    for name, text in (("iin", iin_of(BORN, "female", 8_000)), ("full_name", "Никто"), ("birth_date", "17.05.2019")):
        field(page, name).fill(text)
    page.click("main form button")
    page.wait_for_url(re.compile("came=asked"))


def test_the_referrals_page_moves_by_itself_from_sent_to_offered_to_accepted(nurse: Any, scene: Scene) -> None:
    visitor = nurse("ru")
    page = visitor.page
    submit(page)
    referral_id = page.url.partition("?")[0].rpartition("/")[2]
    progress = page.locator("#progress")
    expect(progress).to_contain_text("Ребёнок предложен центру", timeout=20_000)
    story = scene.ask("referral", "GET", f"/v1/referrals/{referral_id}", "operator")
    accept = {"admit_on": story["offers"][-1]["answer_by"][:10]}
    path = f"/v1/referrals/{referral_id}/accept"
    scene.ask("referral", "POST", path, "center", story["center_id"], json=accept)
    expect(progress).to_contain_text("Ребёнка ждут", timeout=20_000)
    assert [one for one in visitor.faults if "404" not in one] == [], "the browser complains of nothing"


def test_a_list_is_uploaded_and_what_is_wrong_comes_back_to_be_mended(nurse: Any, tmp_path: Path) -> None:
    page = nurse("ru", scripts=False).page
    header = "iin;full_name;birth_date;sex;guardian_name;guardian_phone;icd10;settlement_id;modalities"
    rows = [upload_row(next(numbers)) for _ in range(3)]
    rows[1] = rows[1].replace("1526384", "Алматы")
    answer = upload(page, tmp_path / "list.csv", "\r\n".join([header, *rows, ""]))
    expect(answer).to_contain_text("Направлено 2 ребёнка.")
    expect(page.locator("tbody tr")).to_have_text(re.compile(r"3\s*settlement_id: .*1526384"))
    with page.expect_download() as download:
        page.click("a[download]")
    to_mend = Path(download.value.path()).read_text("utf-8-sig")
    assert rows[1] in to_mend, "the row as it was"
    assert rows[0] not in to_mend, "what is recorded is not sent again"
    expect(upload(page, tmp_path / "mended.csv", to_mend.replace("Алматы", "1526384"))).to_contain_text(
        "Направлен 1 ребёнок."
    )
    again = upload(page, tmp_path / "list.csv", "\r\n".join([header, *rows, ""]))
    expect(again).to_contain_text("Направлено 2 ребёнка.")


def test_a_file_without_a_header_is_refused_with_what_to_do(nurse: Any, tmp_path: Path) -> None:
    page = nurse(scripts=False).page
    page.goto("/upload")
    page.click("main form button")
    expect(page.locator("#f-file-error")).to_contain_text("Choose a file")
    expect(upload(page, tmp_path / "no.csv", "a;b\n1;2\n")).to_contain_text("The first line does not name the columns")


def upload_row(number: int) -> str:
    iin = iin_of(BORN, "female", number)
    return f"{iin};Үлгі Бала {number};17.05.2019;female;Үлгі Ана;+770156{number:05d};G80.1;1526384;inpatient"


def upload(page: Page, file: Path, text: str) -> Any:
    """Upload a file with that text; the page's content when it has ended."""
    file.write_text(text, "utf-8")
    page.goto("/upload")
    page.set_input_files('[name="file"]', file)
    page.click("main form button")
    return page.locator("main")
