"""Signing in at a real OIDC provider: the code flow with PKCE, and every answer that is not to be believed."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from limits import parse

from services.console.entrypoints.web import create_console
from services.console.settings import ConsoleSettings
from services.console.sign_in.forms import NOBODY, form_token
from services.console.sign_in.oidc import LOGOUT_EVENT
from services.kit.http.limits import Limits
from services.local.console_assets import ensure_assets
from services.local.ports import Ports
from tests.support.console import SAME_ORIGIN
from tests.support.console import form_token as token_of
from tests.support.oidc import Provider, fill_in

pytestmark = pytest.mark.timeout(300)
CONSOLE = "http://console.test"
KEY = "MDEyMzQ1Njc4OWFiY2RlZsOpw6DDqMO5w7TDqsOuw7s="
PERSON = "polyclinic:p-7"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with Ports() as ports:
        found = Provider(tmp_path_factory.mktemp("provider"), ports.choose())
        found.start("first")
        yield found
        found.stop()


@pytest.fixture
def settings(provider: Provider, valkey: str, prefix: str, tmp_path: Path) -> ConsoleSettings:
    (tmp_path / "secret").write_text("secret-of-pages")
    return ConsoleSettings(
        mode="local", intake_url="http://127.0.0.1:1", referral_url="http://127.0.0.1:1",
        capacity_url="http://127.0.0.1:1", console_url=CONSOLE, assets=ensure_assets(), sessions_url=valkey,
        topic_prefix=prefix, console_key=KEY, issuer=provider.url, jwks=f"{provider.url}/jwks",
        sign_in_client_id="console-pages", sign_in_client_secret_file=tmp_path / "secret",
    )  # fmt: skip


@pytest.fixture
async def app(settings: ConsoleSettings) -> AsyncIterator[FastAPI]:
    apps = create_console(settings)
    async with apps.inside.router.lifespan_context(apps.inside):
        yield apps.public


NewBrowser = Callable[[], httpx2.AsyncClient]


@pytest.fixture
def new_browser(app: FastAPI) -> NewBrowser:
    return lambda: httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=CONSOLE, headers=SAME_ORIGIN)


async def asked(browser: httpx2.AsyncClient, back: str = "/help/public") -> httpx2.URL:
    """The provider's address to which the sign-in leads."""
    answer = await browser.get("/sign-in", params={"back": back})
    assert answer.status_code == 303, answer.text
    return httpx2.URL(answer.headers["Location"])


def answered(provider: Provider, question: httpx2.URL, login: str = PERSON) -> dict[str, str]:
    """What the provider sends back with the browser, once this person has signed in there."""
    target = fill_in(provider.url, str(question), f"{CONSOLE}/sign-in/back", login)
    return dict(parse_qsl(httpx2.URL(target).query.decode()))


async def signed_in(browser: httpx2.AsyncClient, provider: Provider, login: str = PERSON) -> httpx2.Response:
    answer = answered(provider, await asked(browser), login)
    return await browser.get("/sign-in/back", params=answer)


async def is_signed_in(browser: httpx2.AsyncClient) -> bool:
    """Without a session a fragment is 401, and with one this page is not found."""
    return (await browser.get("/kept", headers={"X-Fragment": "x"})).status_code != 401


async def test_a_person_signs_in_and_comes_back_to_the_page_that_was_wanted(
    new_browser: NewBrowser, provider: Provider
) -> None:
    browser = new_browser()
    back = await signed_in(browser, provider)
    assert (back.status_code, back.headers.get("Location")) == (303, "/help/public"), back.text
    shown = await who(browser)
    assert "p-7" in shown, "by the organization of the token"
    assert "/sign-in" not in shown, "who has one role has nothing to choose"


async def test_the_question_has_pkce_a_state_and_a_nonce(new_browser: NewBrowser) -> None:
    question = (await asked(new_browser())).params
    assert question["code_challenge_method"] == "S256"
    assert min(len(question[name]) for name in ("code_challenge", "state", "nonce")) >= 43


async def test_an_answer_with_another_state_is_refused(new_browser: NewBrowser, provider: Provider) -> None:
    browser = new_browser()
    answer = answered(provider, await asked(browser)) | {"state": "x" * 43}
    assert (await browser.get("/sign-in/back", params=answer)).status_code == 403
    assert not await is_signed_in(browser), "nobody is signed in"


async def test_an_answer_counts_once(new_browser: NewBrowser, provider: Provider) -> None:
    browser = new_browser()
    answer = answered(provider, await asked(browser))
    statuses = [(await browser.get("/sign-in/back", params=answer)).status_code for _ in range(2)]
    assert statuses == [303, 403]


async def test_a_code_that_has_served_serves_no_other_question(new_browser: NewBrowser, provider: Provider) -> None:
    first, second = new_browser(), new_browser()
    code = answered(provider, await asked(first))["code"]
    other = answered(provider, await asked(second)) | {"code": code}
    assert (await second.get("/sign-in/back", params=other)).status_code == 403, "another verifier and nonce"


async def test_the_answer_to_another_browser_is_refused(new_browser: NewBrowser, provider: Provider) -> None:
    """Else an attacker would sign a victim in as themselves."""
    attacker, victim = new_browser(), new_browser()
    answer = answered(provider, await asked(attacker))
    await asked(victim)
    assert (await victim.get("/sign-in/back", params=answer)).status_code == 403
    assert not await is_signed_in(victim), "nobody is signed in"


async def test_the_answer_of_another_issuer_is_refused(new_browser: NewBrowser, provider: Provider) -> None:
    browser = new_browser()
    answer = answered(provider, await asked(browser)) | {"iss": "https://evil.example"}
    assert (await browser.get("/sign-in/back", params=answer)).status_code == 403


async def test_a_provider_that_calls_itself_another_is_not_asked(settings: ConsoleSettings, provider: Provider) -> None:
    foreign = settings.model_copy(update={"issuer": provider.url.replace("127.0.0.1", "localhost")})
    apps = create_console(foreign)
    async with apps.inside.router.lifespan_context(apps.inside):
        transport = httpx2.ASGITransport(apps.public)
        async with httpx2.AsyncClient(transport=transport, base_url=CONSOLE) as browser:
            assert (await browser.get("/sign-in")).status_code == 403


async def test_an_account_without_a_role_of_people_does_not_sign_in(
    new_browser: NewBrowser, provider: Provider
) -> None:
    browser = new_browser()
    assert (await signed_in(browser, provider, "console:x")).status_code == 403
    assert not await is_signed_in(browser), "a process's role is nobody's"


async def who(browser: httpx2.AsyncClient, path: str = "/help/public") -> str:
    """What the head of a page says of its reader."""
    page = (await browser.get(path)).text
    return " ".join(page.partition('app-header__user">')[2].partition("</span>")[0].split())


@pytest.mark.parametrize("login", ["polyclinic:p-7+polyclinic:p-8+operator:", "polyclinic,center:h-1"])
async def test_whoever_has_several_roles_or_organizations_chooses_one_and_may_change(
    new_browser: NewBrowser, provider: Provider, login: str
) -> None:
    browser = new_browser()
    back = await signed_in(browser, provider, login)
    assert back.headers.get("Location") == "/sign-in?back=%2Fhelp%2Fpublic", "to the choice, and then on"
    assert await who(browser) == "", "until then nobody is guessed"
    asked = await browser.get("/referrals")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/sign-in?back=%2Freferrals")
    page = (await browser.get("/sign-in?back=/help/public")).text
    first, second, *_ = re.findall(r'name="who" type="radio" value="([^"]+)"', page)
    for choice in (first, second):
        secret = browser.cookies["session"]
        page = (await browser.get("/sign-in")).text
        sent = {"form_token": token_of(page), "who": choice, "back": "/help/public"}
        answer = await browser.post("/sign-in", data=sent)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/help/public")
        assert browser.cookies["session"] != secret, "another session"
        shown = await who(browser)
        assert choice.partition("/")[2] in shown
        assert "/sign-in?back=%2F" in shown, "a link leads to the choice again"


async def test_a_choice_that_the_token_does_not_have_is_none(new_browser: NewBrowser, provider: Provider) -> None:
    browser = new_browser()
    await signed_in(browser, provider, "polyclinic:p-7+center:c-1")
    for wrong in ("operator", "center/p-7", ""):
        token = token_of((await browser.get("/sign-in")).text)
        answer = await browser.post("/sign-in", data={"form_token": token, "who": wrong})
        assert (answer.status_code, "govuk-error-message" in answer.text) == (422, True), wrong
        assert await who(browser) == "", "nobody is signed in"


async def test_nobody_chooses_a_role_where_there_is_a_provider(app: FastAPI, new_browser: NewBrowser) -> None:
    browser = new_browser()
    token = form_token(app.state.console.seal, NOBODY)
    answer = await browser.post("/sign-in", data={"form_token": token, "who": "operator/"})
    assert answer.status_code == 404, answer.text
    assert not await is_signed_in(browser), "nobody is signed in"


def logout_token(provider: Provider, **claims: object) -> str:
    key = RSAKey.import_key(json.loads((provider.folder / "provider-keys.json").read_text())["keys"][0])
    about = {"iss": provider.url, "aud": "console-pages", "iat": int(time.time()), "events": {LOGOUT_EVENT: {}}}
    return jwt.encode({"alg": "RS256", "kid": "first"}, about | claims, key)


async def test_the_provider_ends_a_persons_sessions(new_browser: NewBrowser, provider: Provider) -> None:
    browser, other = new_browser(), new_browser()
    await signed_in(browser, provider)
    await signed_in(other, provider, "operator:")
    wrongs: list[dict[str, object]] = [
        {"nonce": "x"},
        {"aud": "portal"},
        {"iss": "https://evil.example"},
        {"iat": 1},
        {"events": {}},
    ]
    for wrong in wrongs:
        told = {"logout_token": logout_token(provider, sub=PERSON, **wrong)}
        assert (await new_browser().post("/sign-out/by-provider", data=told)).status_code == 400, wrong
    assert await is_signed_in(browser), "by no other token"
    told = {"logout_token": logout_token(provider, sub=PERSON)}
    assert (await new_browser().post("/sign-out/by-provider", data=told)).status_code == 200
    assert [await is_signed_in(one) for one in (browser, other)] == [False, True]


@pytest.mark.parametrize(("budget", "answered"), [("requests", [400, 429, 429]), ("refused", [400, 429, 200])])
async def test_an_address_has_so_many_logouts_refused_and_no_more(
    app: FastAPI, new_browser: NewBrowser, provider: Provider, budget: str, answered: list[int]
) -> None:
    app.state.limits = Limits({f"{budget}:address": parse("1/minute")})
    tokens = ["none", "none", logout_token(provider, sub=PERSON)]
    browser = new_browser()
    answers = [await browser.post("/sign-out/by-provider", data={"logout_token": one}) for one in tokens]
    assert [one.status_code for one in answers] == answered, "a good token is not refused for the bad ones"


async def test_who_signs_out_is_led_to_the_provider_to_sign_out_there(
    new_browser: NewBrowser, provider: Provider
) -> None:
    browser = new_browser()
    await signed_in(browser, provider)
    token = token_of((await browser.get("/help/public")).text)
    answer = await browser.post("/sign-out", data={"form_token": token})
    assert answer.headers["Location"].startswith(f"{provider.url}/session/end?id_token_hint=")
    assert not await is_signed_in(browser), "and is signed out here"


async def test_a_token_is_renewed_before_it_ends(
    app: FastAPI, new_browser: NewBrowser, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = new_browser()
    await signed_in(browser, provider)
    console, secret = app.state.console, browser.cookies["session"]
    before = await console.sessions.find(secret)
    monkeypatch.setattr("services.console.sign_in.refreshing.BEFORE", 1200.0)  # a token of the provider lasts 600 s
    assert await is_signed_in(browser), "with a new token"
    after = await console.sessions.find(secret)
    assert before.access_token != after.access_token
    assert after.access_ends >= before.access_ends


async def test_a_form_that_comes_after_its_session_is_kept_for_its_owner_only(
    app: FastAPI, new_browser: NewBrowser, provider: Provider
) -> None:
    browser = new_browser()
    await signed_in(browser, provider)
    token = token_of((await browser.get("/help/public")).text)
    await app.state.console.sessions.end(browser.cookies["session"])
    typed = {"form_token": token, "full_name": "Айгерім", "note": "two\nlines"}
    sent = await browser.post("/sign-in?step=2", data=typed)
    assert (sent.status_code, sent.headers.get("Location")) == (303, "/sign-in?back=%2Fkept"), sent.text
    await signed_in(browser, provider)
    await asyncio.sleep(1)  # a token says its second
    page = (await browser.get("/kept")).text
    assert 'action="/sign-in?step=2"' in page
    assert all(f'name="{name}" value="{typed[name]}"' in page for name in ("full_name", "note")), page
    assert token_of(page) != token, "it is sent by a token of now"
    stranger = new_browser()
    stranger.cookies.update({"kept": browser.cookies["kept"]})
    await signed_in(stranger, provider, "polyclinic:another")
    assert (await stranger.get("/kept")).headers.get("Location") == "/", "it is another person's"


@pytest.mark.parametrize(
    ("path", "status"), [("/sign-in", 413), ("/sign-out", 303), ("/sign-out/by-provider", 413), ("/upload", 303)]
)
async def test_a_stranger_s_post_has_so_many_bytes_and_no_more(new_browser: NewBrowser, path: str, status: int) -> None:
    answer = await new_browser().post(path, data={"who": "x" * 2_000_000})
    assert (answer.status_code, answer.headers.get("Location", "/sign-in")[:8]) == (status, "/sign-in")
