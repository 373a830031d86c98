"""Every text of every page goes through the catalogs."""

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import httpx2
import pytest

from services.console.entrypoints.web import create_console
from services.console.settings import ConsoleSettings
from services.kit.local_tokens import AUDIENCE, ISSUER
from services.kit.settings import Mode
from services.local.console_assets import ensure_assets
from services.local.issuer import signing_key_file
from tests.pages.pseudo import pseudo_renderer, unwrapped
from tests.pages.scene import EVERY_PAGE, Scene, every_page

pytestmark = [pytest.mark.pages, pytest.mark.timeout(300)]
TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


def settings(scene: Scene) -> ConsoleSettings:
    plan = scene.network.plan
    key = (plan.home.secrets / "console-key").read_text()
    return ConsoleSettings(
        mode=Mode.LOCAL, jwks=str(plan.home.secrets / "jwks.json"), issuer=ISSUER, audience=AUDIENCE,
        intake_url=plan.url("intake"), referral_url=plan.url("referral"), capacity_url=plan.url("capacity"),
        console_url="http://console", assets=ensure_assets(), sessions_url=plan.redis_url, console_key=key,
        local_issuer_key_file=signing_key_file(plan.home),
    )  # fmt: skip


@asynccontextmanager
async def pseudo_console(scene: Scene) -> AsyncIterator[httpx2.AsyncClient]:
    """The console over the network's services, in the language that does not exist."""
    app = create_console(settings(scene)).public
    async with app.router.lifespan_context(app):
        app.state.renderer = pseudo_renderer(app.state.renderer)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://console", timeout=30) as client:
            yield client


async def sign_in(client: httpx2.AsyncClient, who: str) -> None:
    found = TOKEN.search((await client.get("/sign-in")).text)
    assert found, "the sign-in page has a form"
    answer = await client.post("/sign-in", data={"who": who, "back": "/", "form_token": found[1]})
    assert answer.status_code == 303, answer.text


async def unwrapped_texts(role: str, scene: Scene) -> list[str]:
    """Address and text, of all pages of the role."""
    wrong = []
    async with pseudo_console(scene) as client:
        if role != "nobody":
            await sign_in(client, f"{role}/{scene.organization(role)}")
        for path in [path for owner, path in every_page(scene) if owner == role]:
            page = (await client.get(path)).text
            assert "⟦" in page, f"{path} is in the language of brackets"
            wrong += [f"{path}: {text}" for text in unwrapped(page, scene.names)]
    return wrong


@pytest.mark.parametrize("role", EVERY_PAGE)
def test_no_text_of_a_page_is_outside_the_catalogs(role: str, scene: Scene) -> None:
    with ThreadPoolExecutor(1) as apart:  # Playwright has a loop in this thread
        wrong = apart.submit(asyncio.run, unwrapped_texts(role, scene)).result()
    assert not wrong, "texts that no catalog has:\n" + "\n".join(wrong)
