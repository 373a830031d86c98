"""Sessions of people whom the provider knows."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from hmac import compare_digest
from time import time
from typing import Any

import structlog

from services.console.bootstrap import SIGNING_IN_SECONDS as SECONDS
from services.console.bootstrap import Console
from services.console.sign_in.oidc import Provider, Question, SignInRefused
from services.console.sign_in.sessions import Session
from services.console.upstream import referral
from services.console.upstream.client import Refusal
from services.console.words.labels import Names
from services.contracts.vocabulary import PROCESSES, Language, Role
from services.kit.errors import TransientError
from services.kit.http.acting import ORGANIZATIONS, choices
from services.kit.http.problems import Problem

__all__ = ["SECONDS", "ask", "begin", "choose", "names_of", "role_and_organization", "sign_out_url"]
log = structlog.get_logger()
PEOPLE = frozenset(Role) - frozenset(PROCESSES)


async def ask(console: Console, back: str, browser: str) -> tuple[str, str]:
    """The provider's address, and the secret of the browser that asks: several of its tabs may."""
    url, question = await _provider(console).ask(back, browser or secrets.token_urlsafe(32))
    await console.questions.keep(asdict(question), question.state)
    return url, question.browser


async def begin(console: Console, parameters: Mapping[str, str], browser: str) -> tuple[Session, str]:
    """The session of the provider's answer, without a role where there are several, and the way back.

    An answer counts once. Raises SignInRefused.
    """
    kept: Any = await console.questions.take(parameters.get("state", ""))
    if kept is None:
        raise SignInRefused("no question with this state")
    question = Question(**kept)
    if not compare_digest(question.browser.encode(), browser.encode()):
        raise SignInRefused("another browser asked")
    tokens = await _provider(console).answer(question, parameters)
    try:
        principal = await console.verifier.verify(tokens.access)
    except Problem as problem:
        raise SignInRefused(problem.code) from None
    offered = tuple(one for one in choices(principal) if role_and_organization(one))
    if not offered:
        raise SignInRefused("no role")
    session = Session(
        principal.subject, None, "", {}, tokens.access, tokens.ends, time(), tokens.refresh, tokens.id,
        tokens.session, offered,
    )  # fmt: skip
    return (await choose(console, session, offered[0]) if len(offered) == 1 else session), question.back


def role_and_organization(choice: str) -> tuple[Role, str] | None:
    """Of `role/organization`; None for what is no role of people, or lacks its organization."""
    role, _, organization = choice.partition("/")
    if role not in PEOPLE or (role in ORGANIZATIONS) != bool(organization):
        return None
    return Role(role), organization


async def choose(console: Console, session: Session, choice: str) -> Session:
    """The session in that role, for that organization, which is one of its choices."""
    found = role_and_organization(choice)
    if found is None or choice not in session.choices:
        raise SignInRefused("not one of the choices")
    role, organization = found
    names = await names_of(console, session, choice)
    return replace(session, role=role, organization=organization, names=names)


async def sign_out_url(console: Console, session: Session) -> str:
    if console.provider is None or not session.id_token:
        return ""
    try:
        return await console.provider.sign_out_url(session.id_token)
    except TransientError:
        return ""


async def names_of(console: Console, session: Session, choice: str) -> Names:
    """A center's, from the registry; of a polyclinic the network knows no name."""
    role, _, organization = choice.partition("/")
    if role != Role.CENTER:
        return {}
    try:
        center = await referral.center(console.upstream.as_user(session.access_token, "", choice), organization)
    except Refusal as refusal:
        log.warning("console.center_unnamed", reason=str(refusal))
        return {}
    return {language: str(center[f"name_{language}"]) for language in Language}


def _provider(console: Console) -> Provider:
    if console.provider is None:
        raise SignInRefused("no provider")
    return console.provider
