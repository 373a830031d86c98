"""Sign-in on a local network: whoever opens the console chooses a role and an organization."""

from time import time
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.console.bootstrap import Console
from services.console.rendering import Renderer, render, renderer_of
from services.console.sign_in.sessions import Session
from services.console.upstream import referral
from services.console.upstream.client import Services
from services.console.words.labels import TEXTS, Names
from services.contracts.vocabulary import Language, Role
from services.kit.local_tokens import sign_token

PERSON = "local"
POLYCLINICS = TEXTS["polyclinic"]
"""No service has a list of polyclinics: these are the ones of a local network."""
DAY = 86_400


class Choice(NamedTuple):
    """One that may be chosen; `value` is what the form sends."""

    role: Role
    organization: str
    names: Names

    @property
    def value(self) -> str:
        return f"{self.role}/{self.organization}"


async def show_choices(request: Request, console: Console, back: str, *, missing: bool = False) -> Response:
    """The page; `missing` says that nothing was chosen."""
    found = await choices(console, renderer_of(request))
    return render(request, "sign_in/local.html", 422 if missing else 200, choices=found, back=back, missing=missing)


async def chosen(request: Request, console: Console, value: str) -> Session | None:
    """The session of who has chosen `value`; None for what was not offered."""
    found = {one.value: one for one in await choices(console, renderer_of(request))}
    if (choice := found.get(value)) is None:
        return None
    now = time()
    token = _token(console, choice.role, choice.organization)
    return Session(f"{PERSON}-{choice.role}", choice.role, choice.organization, choice.names, token, now + DAY, now)


async def choices(console: Console, renderer: Renderer) -> list[Choice]:
    """Operators, the polyclinics and the centers of this network."""
    made = [Choice(Role.OPERATOR, "", {})]
    for name, title in POLYCLINICS.items():
        names: Names = {language: renderer.words[language].gettext(title) for language in Language}
        made.append(Choice(Role.POLYCLINIC, name, names))
    centers = await referral.every_center(_operator(console))
    made += [Choice(Role.CENTER, one["id"], {lang: one[f"name_{lang}"] for lang in Language}) for one in centers]
    return made


def _operator(console: Console) -> Services:
    return console.upstream.as_user(_token(console, Role.OPERATOR, ""))


def _token(console: Console, role: Role, organization: str) -> str:
    file = console.settings.local_issuer_key_file
    assert file is not None, "local sign-in without a key"  # noqa: S101
    return sign_token(file.read_text(), [role], organization, f"{PERSON}-{role}", DAY)
