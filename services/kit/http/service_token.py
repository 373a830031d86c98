"""A process's own bearer token: from a file, or by client credentials at the issuer (RFC 6749, section 4.4)."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Protocol
from urllib.parse import quote_plus

import httpx2
import structlog
from pydantic import BaseModel, Field, ValidationError

from services.kit.errors import TransientError
from services.kit.settings import ServiceSettings

log = structlog.get_logger()
RENEW_AT = 0.75
"""Of a token's life: from then on it is renewed, and used until its end while that fails."""
AGAIN = 5.0
"""Seconds between two tries to renew a token that is still valid, or that another service refuses."""
PATIENCE = 5.0
"""Seconds for the issuer's answer."""


class ServiceToken(Protocol):
    """What a process shows to another service."""

    async def header(self) -> dict[str, str]:
        """The Authorization header; raises OSError or TransientError without a token."""
        ...

    def answered(self, status: int) -> None:
        """What the other service answered to it: after a 401 (the issuer has changed its keys) it is renewed."""
        ...


def service_token(settings: ServiceSettings) -> ServiceToken:
    """By client credentials when the settings have a `token_url`, else from the file."""
    if settings.token_url:
        return ClientCredentials(settings)
    return TokenFile(settings.service_token_file)


class TokenFile:
    """A token in a file that may be replaced at any time."""

    def __init__(self, file: Path | None) -> None:
        self._file, self._stamp, self._token = file, 0, ""

    async def header(self) -> dict[str, str]:
        if self._file is None:
            return {}
        stamp = self._file.stat().st_mtime_ns
        if stamp != self._stamp:
            self._token, self._stamp = self._file.read_text().strip(), stamp
        return {"Authorization": f"Bearer {self._token}"}

    def answered(self, status: int) -> None:
        """A file is read again when it changes."""


class _Granted(BaseModel, hide_input_in_errors=True):
    """The issuer's answer."""

    access_token: str = Field(min_length=1, repr=False)
    expires_in: float = Field(60, gt=0)


class ClientCredentials:
    """A token that the issuer gives for a client's id and secret, renewed before its end; one renewal serves all."""

    def __init__(self, settings: ServiceSettings, clock: Callable[[], float] = monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._token, self._asked_at, self._renew_at, self._ends_at = "", 0.0, 0.0, 0.0
        self._renewing = asyncio.Lock()

    async def header(self) -> dict[str, str]:
        if self._clock() >= self._renew_at:
            async with self._renewing:
                if self._clock() >= self._renew_at:
                    await self._renew()
        return {"Authorization": f"Bearer {self._token}"}

    def answered(self, status: int) -> None:
        if status == HTTPStatus.UNAUTHORIZED:
            self._renew_at = min(self._renew_at, self._asked_at + AGAIN)

    async def _renew(self) -> None:
        begun = self._asked_at = self._clock()
        try:
            granted = await self._ask()
        except (httpx2.HTTPError, OSError, ValidationError) as error:
            log.warning("service_token.not_renewed", reason=type(error).__name__)
            if begun >= self._ends_at:
                raise TransientError("the issuer gives no token") from None
            self._renew_at = begun + AGAIN
            return
        self._token, self._ends_at = granted.access_token, begun + granted.expires_in
        self._renew_at = begun + granted.expires_in * RENEW_AT

    async def _ask(self) -> _Granted:
        """The secret is read each time, for it may be replaced; it is sent as section 2.3.1 says."""
        own = self._settings
        if own.client_secret_file is None:
            raise FileNotFoundError("JOLDAMA_CLIENT_SECRET_FILE is not set")
        secret = own.client_secret_file.read_text().strip()
        form = {"grant_type": "client_credentials", "scope": own.token_scope, "resource": own.token_resource}
        async with asyncio.timeout(PATIENCE), httpx2.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.post(
                own.token_url,
                data={name: value for name, value in form.items() if value},
                auth=(quote_plus(own.client_id), quote_plus(secret)),
            )
        return _Granted.model_validate_json(answer.raise_for_status().content)
