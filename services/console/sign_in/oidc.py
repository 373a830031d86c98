"""Sign-in at an OIDC provider: the code flow with PKCE, refreshed tokens, and logout from the provider's side."""

import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from time import time
from typing import Any

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from services.console.settings import ConsoleSettings
from services.kit.errors import TransientError
from services.kit.http.issuer_keys import ALGORITHMS, IssuerKeys
from services.kit.http.token_claims import CLOCK_DIFFERENCE

log = structlog.get_logger()
PATIENCE = 5.0
METADATA_AGE = 600.0
"""Seconds."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
UNREADABLE = (JoseError, ValueError, KeyError, TypeError)


class SignInRefused(Exception):
    """The provider's answer is none to a question of this browser, or not ours to believe."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of the provider for one browser; kept, encrypted, until the answer."""

    state: str
    nonce: str
    verifier: str
    browser: str
    """A secret in a cookie of the browser that asked."""
    back: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the provider has granted; `ends` is the access token's end in epoch seconds."""

    access: str
    ends: float
    refresh: str = ""
    id: str = ""
    session: str = ""


class Provider:
    """The provider of `settings.issuer`, found by its discovery document. Raises TransientError while it is away."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._settings = settings
        self._keys = IssuerKeys(settings.jwks, max_age=settings.jwks_max_age)
        self._metadata: dict[str, Any] = {}
        self._read_at = 0.0

    @property
    def redirect_uri(self) -> str:
        return f"{self._settings.console_url.rstrip('/')}/sign-in/back"

    async def ask(self, back: str, browser: str) -> tuple[str, Question]:
        """The provider's address to which the browser goes, and what is asked there."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        question = Question(state, nonce, verifier, browser, back)
        endpoint = (await self._known())["authorization_endpoint"]
        more = {"resource": self._settings.token_resource} if self._settings.token_resource else {}
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                endpoint, state=question.state, nonce=question.nonce, code_verifier=question.verifier, **more
            )
        return str(url), question

    async def answer(self, question: Question, parameters: Mapping[str, str]) -> Tokens:
        """The tokens for the code in the provider's answer. Raises SignInRefused."""
        if parameters.get("iss", self._settings.issuer) != self._settings.issuer:
            raise SignInRefused("another issuer")
        if not (code := parameters.get("code")):
            raise SignInRefused(parameters.get("error", "no code")[:100])
        granted = await self._granted(code=code, code_verifier=question.verifier)
        claims = await self._claims(str(granted.get("id_token", "")))
        try:
            CodeIDToken(
                claims, {},
                {"iss": {"value": self._settings.issuer}, "aud": {"value": self._settings.sign_in_client_id}},
                {"nonce": question.nonce, "client_id": self._settings.sign_in_client_id},
            ).validate(leeway=CLOCK_DIFFERENCE)  # fmt: skip
        except JoseError as error:
            raise SignInRefused(type(error).__name__) from None
        if claims.get("nonce") != question.nonce:
            raise SignInRefused("another nonce")
        return _tokens(granted, str(claims.get("sid", "")))

    async def refresh(self, tokens: Tokens) -> Tokens:
        """New tokens before the old ones end. Raises SignInRefused when the provider gives none any more."""
        granted = await self._granted(refresh_token=tokens.refresh)
        fresh = _tokens(granted, tokens.session)
        return Tokens(fresh.access, fresh.ends, fresh.refresh or tokens.refresh, fresh.id or tokens.id, tokens.session)

    async def sign_out_url(self, id_token: str) -> str:
        """Where the browser goes to be signed out of the provider as well; empty when the provider has no such page."""
        endpoint = (await self._known()).get("end_session_endpoint", "")
        if not endpoint:
            return ""
        home = f"{self._settings.console_url.rstrip('/')}/"
        parameters = {"id_token_hint": id_token, "post_logout_redirect_uri": home}
        return str(httpx2.URL(endpoint, params=parameters))

    async def logged_out(self, token: str) -> tuple[str, str]:
        """The subject and the provider's session that a logout token ends. Raises SignInRefused (section 2.6)."""
        claims = await self._claims(token)
        audience = claims.get("aud")
        ours = self._settings.sign_in_client_id in (audience if isinstance(audience, list) else [audience])
        events, moment = claims.get("events"), claims.get("iat")
        fresh = isinstance(moment, int | float) and abs(time() - moment) < 2 * CLOCK_DIFFERENCE
        named = claims.get("sub"), claims.get("sid")
        is_logout = isinstance(events, dict) and LOGOUT_EVENT in events and "nonce" not in claims
        if not (ours and is_logout and fresh and any(named) and claims.get("iss") == self._settings.issuer):
            raise SignInRefused("no logout token")
        return str(named[0] or ""), str(named[1] or "")

    async def _claims(self, token: str) -> dict[str, Any]:
        """What a token says that the issuer has signed."""
        try:
            header = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
            await self._keys.refresh()
            key = await self._keys.find(header.get("kid"), ALGORITHMS[header["alg"]])
            if key is None:
                raise SignInRefused("signed by no key of the issuer")
            return dict(jwt.decode(token, key, algorithms=[header["alg"]]).claims)
        except UNREADABLE as error:
            raise SignInRefused(type(error).__name__) from None

    async def _granted(self, **grant: str) -> dict[str, Any]:
        endpoint, more = (await self._known())["token_endpoint"], {}
        if self._settings.token_resource:
            more["resource"] = self._settings.token_resource
        try:
            async with self._client() as client:
                if "refresh_token" in grant:
                    return dict(await client.refresh_token(endpoint, **grant, **more))
                return dict(await client.fetch_token(endpoint, grant_type="authorization_code", **grant, **more))
        except OAuthError as error:
            raise SignInRefused(str(error.error)[:100]) from None
        except httpx2.HTTPError as error:
            raise TransientError(f"the provider does not answer: {type(error).__name__}") from None

    async def _known(self) -> dict[str, Any]:
        """The provider's metadata, which must be of our issuer."""
        if not self._metadata or time() - self._read_at > METADATA_AGE:
            url = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                async with httpx2.AsyncClient(timeout=PATIENCE) as client:
                    found: dict[str, Any] = (await client.get(url)).raise_for_status().json()
            except (httpx2.HTTPError, ValueError) as error:
                if self._metadata:
                    return self._metadata
                raise TransientError(f"the provider does not answer: {type(error).__name__}") from None
            if found.get("issuer") != self._settings.issuer:
                raise SignInRefused("another issuer")
            self._metadata, self._read_at = found, time()
        return self._metadata

    def _client(self) -> AsyncOAuth2Client:
        secret = self._settings.sign_in_client_secret_file
        return AsyncOAuth2Client(
            self._settings.sign_in_client_id,
            secret.read_text().strip() if secret else None,
            scope=self._settings.sign_in_scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            timeout=PATIENCE,
        )


def _tokens(granted: Mapping[str, Any], session: str) -> Tokens:
    if not isinstance(access := granted.get("access_token"), str):
        raise SignInRefused("no access token")
    ends = float(granted.get("expires_at") or time() + float(granted.get("expires_in") or 60))
    return Tokens(access, ends, str(granted.get("refresh_token") or ""), str(granted.get("id_token") or ""), session)
