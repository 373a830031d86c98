"""Access tokens are renewed before they end, once for all requests of a session."""

import asyncio
from dataclasses import replace
from time import time

import structlog

from services.console.bootstrap import Console
from services.console.sign_in.oidc import SignInRefused, Tokens
from services.console.sign_in.sealing import name_of
from services.console.sign_in.sessions import Session
from services.kit.errors import TransientError

log = structlog.get_logger()
BEFORE = 60.0
"""Seconds before its end a token is renewed."""
LOOKS, PAUSE = 25, 0.2
"""How often another request's renewal is looked for, and the seconds between."""


async def with_fresh_tokens(console: Console, secret: str, session: Session) -> Session | None:
    """The session with a token that is valid for a while; None when there is none any more, and the session ends."""
    if time() < session.access_ends - BEFORE:
        return session
    if not session.refresh_token or console.provider is None:
        return await _until_end(console, secret, session)
    lock = f"{console.key_prefix}:renewing:{name_of(secret)}"
    if await console.redis.set(lock, 1, nx=True, px=10_000):
        try:
            return await _renewed(console, secret, session)
        finally:
            await console.redis.delete(lock)
    if time() < session.access_ends:
        return session
    for _ in range(LOOKS):  # the refresh token may serve once only
        await asyncio.sleep(PAUSE)
        found = await console.sessions.find(secret, active=False)
        if found is None or time() < found.access_ends:
            return found
    return None


async def _renewed(console: Console, secret: str, session: Session) -> Session | None:
    assert console.provider is not None  # noqa: S101
    found = await console.sessions.find(secret, active=False)
    if found is None or time() < found.access_ends - BEFORE:
        return found
    old = Tokens(found.access_token, found.access_ends, found.refresh_token, found.id_token, found.provider_session)
    try:
        new = await console.provider.refresh(old)
    except TransientError as error:
        log.warning("console.not_renewed", reason=str(error))
        return found if time() < found.access_ends else None
    except SignInRefused as error:
        log.info("console.session_over", reason=str(error))
        await console.sessions.end(secret)
        return None
    fresh = replace(found, access_token=new.access, access_ends=new.ends, refresh_token=new.refresh, id_token=new.id)
    await console.sessions.update(secret, fresh)
    return fresh


async def _until_end(console: Console, secret: str, session: Session) -> Session | None:
    if time() < session.access_ends:
        return session
    await console.sessions.end(secret)
    return None
