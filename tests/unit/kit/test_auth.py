"""Which bearer tokens are believed."""

import asyncio
import hmac
import json
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from services.kit.http.auth import CACHE_SECONDS, ServiceToken, TokenVerifier
from services.kit.http.problems import Problem
from tests.unit.kit.tokens import AUDIENCE, ISSUER, key_set, sign, write_keys


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture(scope="module")
def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"})


@pytest.fixture
def jwks(tmp_path: Path, key: RSAKey) -> Path:
    return write_keys(tmp_path / "jwks.json", key)


@pytest.fixture
def verifier(jwks: Path) -> TokenVerifier:
    return TokenVerifier(str(jwks), ISSUER, AUDIENCE)


async def test_a_good_token_names_its_principal(verifier: TokenVerifier, key: RSAKey) -> None:
    principal = await verifier.verify(sign(key))
    assert (principal.subject, principal.roles, principal.org) == ("u1", frozenset({"center"}), "c1")
    assert principal.has("operator", "center")
    assert not principal.has("operator")


NOW = 1_800_000_000
"""2027-01-15 08:00:00 UTC."""
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"iss": "https://other.test"}, "wrong_issuer", f"iss must be {ISSUER}"),
    ({"iss": ...}, "wrong_issuer", f"iss must be {ISSUER}"),
    ({"aud": "other"}, "wrong_audience", f"aud must be {AUDIENCE}"),
    ({"aud": ["other", "another"]}, "wrong_audience", f"aud must be {AUDIENCE}"),
    ({"aud": ...}, "wrong_audience", f"aud must be {AUDIENCE}"),
    ({"exp": NOW - 60}, "token_expired", "ended at 2027-01-15 07:59:00 UTC, and it is 2027-01-15 08:00:00 UTC"),
    ({"exp": -1e300}, "token_expired", "ended at -1e+300"),
    (
        {"nbf": NOW + 61},
        "token_not_yet_valid",
        "valid from 2027-01-15 08:01:01 UTC, and here it is 2027-01-15 08:00:00",
    ),
    ({"iat": NOW + 61}, "token_not_yet_valid", "valid from 2027-01-15 08:01:01 UTC"),
    ({"exp": ...}, "unauthorized", "exp is missing or wrong"),
    ({"exp": "soon"}, "unauthorized", "exp is missing or wrong"),
    ({"nbf": "soon"}, "unauthorized", "nbf is missing or wrong"),
    ({"sub": ...}, "unauthorized", "sub is missing or wrong"),
]


@pytest.fixture
def at_now(jwks: Path) -> TokenVerifier:
    return TokenVerifier(str(jwks), ISSUER, AUDIENCE, clock=lambda: NOW)


@pytest.mark.parametrize(("changes", "code", "words"), WRONG)
async def test_what_is_wrong_with_a_claim_is_told_apart(
    at_now: TokenVerifier, key: RSAKey, changes: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(Problem) as caught:
        await at_now.verify(sign(key, **{"exp": NOW + 600} | changes))
    assert (caught.value.status, caught.value.code) == (401, code)
    assert words in caught.value.detail


@pytest.mark.parametrize("changes", [{"exp": NOW - 59}, {"nbf": NOW + 60}, {"iat": NOW + 60}, {"aud": ["x", AUDIENCE]}])
async def test_a_minute_between_the_clocks_is_forgiven(
    at_now: TokenVerifier, key: RSAKey, changes: dict[str, Any]
) -> None:
    for _ in range(2):
        assert (await at_now.verify(sign(key, **{"exp": NOW + 600} | changes))).subject == "u1"


async def test_a_wrong_token_of_a_stranger_is_told_nothing(at_now: TokenVerifier) -> None:
    with pytest.raises(Problem) as caught:
        await at_now.verify(sign(RSAKey.generate_key(2048), aud="other", exp=1))
    assert (caught.value.code, AUDIENCE in caught.value.detail) == ("unauthorized", False)


async def test_another_key_under_the_same_name_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(Problem):
        await verifier.verify(sign(RSAKey.generate_key(2048)))


async def test_other_algorithms_are_refused(verifier: TokenVerifier, key: RSAKey) -> None:
    with pytest.raises(Problem):
        await verifier.verify(sign(key, alg="RS512"))
    head, body, _ = sign(key).split(".")
    hs256, none = "eyJhbGciOiJIUzI1NiIsImtpZCI6Im9uZSJ9", "eyJhbGciOiJub25lIn0"
    secret = key.as_pem(private=False)  # the public key as if it were a shared secret
    mac = urlsafe_b64encode(hmac.digest(secret, f"{hs256}.{body}".encode(), "sha256")).rstrip(b"=").decode()
    for forged in (f"{hs256}.{body}.{mac}", f"{none}.{body}.", f"{head}.{body}.", f"{head}.{body}", "x", ""):
        with pytest.raises(Problem):
            await verifier.verify(forged)


async def test_a_changed_claim_is_refused(verifier: TokenVerifier, key: RSAKey) -> None:
    head, _, signature = sign(key).split(".")
    _, body, _ = sign(key, roles=["admin"]).split(".")
    with pytest.raises(Problem):
        await verifier.verify(f"{head}.{body}.{signature}")


async def test_a_new_key_is_found_by_reading_the_set_again(jwks: Path, key: RSAKey, new_key: RSAKey) -> None:
    verifier = TokenVerifier(str(jwks), ISSUER, AUDIENCE, refresh_after=0)
    await verifier.verify(sign(key))
    write_keys(jwks, key, new_key)
    assert (await verifier.verify(sign(new_key, kid="two"))).subject == "u1"
    assert (await verifier.verify(sign(key))).subject == "u1"


async def test_a_key_that_cannot_be_used_does_not_spoil_the_others(tmp_path: Path, key: RSAKey) -> None:
    strange = {"kty": "OKP", "crv": "X9999", "x": "AAAA", "kid": "strange"}
    (path := tmp_path / "jwks.json").write_text(json.dumps({"keys": [strange, key.as_dict(private=False)]}))
    assert (await TokenVerifier(str(path), ISSUER, AUDIENCE).verify(sign(key))).subject


async def test_the_set_is_not_read_again_for_every_stranger(
    verifier: TokenVerifier, jwks: Path, key: RSAKey, new_key: RSAKey
) -> None:
    await verifier.verify(sign(key))
    write_keys(jwks, key, new_key)
    with pytest.raises(Problem) as refused:
        await verifier.verify(sign(new_key, kid="two"))
    assert refused.value.status == 401


async def test_a_token_is_believed_for_a_while_but_never_past_its_end(jwks: Path, key: RSAKey, new_key: RSAKey) -> None:
    now = [time.time()]
    verifier = TokenVerifier(str(jwks), ISSUER, AUDIENCE, refresh_after=0, clock=lambda: now[0])
    ends_soon, ends_late = sign(key, exp=int(now[0]) + 10), sign(key, exp=int(now[0]) + 3600)
    for token in (ends_soon, ends_late):
        await verifier.verify(token)
    write_keys(jwks, new_key)  # the key was taken from the set, and the verifier knows it
    await verifier.verify(sign(new_key, kid="two"))
    with pytest.raises(Problem):
        await verifier.verify(sign(key))
    for token in (ends_soon, ends_late):
        assert (await verifier.verify(token)).subject == "u1"
    now[0] += 11
    assert (await verifier.verify(ends_late)).subject == "u1"
    with pytest.raises(Problem):
        await verifier.verify(ends_soon)
    now[0] += CACHE_SECONDS
    with pytest.raises(Problem):
        await verifier.verify(ends_late)


async def test_keys_that_cannot_be_read_are_our_fault_not_the_callers(tmp_path: Path, key: RSAKey) -> None:
    verifier = TokenVerifier(str(tmp_path / "missing.json"), ISSUER, AUDIENCE)
    with pytest.raises(Problem) as caught:
        await verifier.verify(sign(key))
    assert (caught.value.status, caught.value.code) == (503, "unavailable")


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"keys": 5}', '{"keys": [{}]}', "no json"])
async def test_a_key_set_that_is_none_is_our_fault_and_asked_for_again_shortly(
    tmp_path: Path, key: RSAKey, content: str
) -> None:
    (path := tmp_path / "jwks.json").write_text(content)
    verifier = TokenVerifier(str(path), ISSUER, AUDIENCE)
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            await verifier.verify(sign(key))
        assert refused.value.status == 503


@pytest.mark.parametrize("org", [None, 5, ["c1"], ...])
async def test_an_organization_that_is_no_text_is_none(verifier: TokenVerifier, key: RSAKey, org: Any) -> None:
    principal = await verifier.verify(sign(key, org=org, roles=["center", None, 7]))
    assert (principal.org, principal.roles) == ("", frozenset({"center"}))


async def test_a_header_that_is_none_is_refused(verifier: TokenVerifier) -> None:
    head = urlsafe_b64encode(b'{"alg":"RS256","crit":5}').decode().rstrip("=")
    with pytest.raises(Problem) as refused:
        await verifier.verify(f"{head}.e30.AAAA")
    assert refused.value.status == 401


@dataclass
class Issuer:
    """Serves a key set on loopback and counts the readings; `status` is what it answers with."""

    keys: list[RSAKey] = field(default_factory=list)
    status: int = 200
    reads: int = 0
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.reads += 1
        body = key_set(*self.keys).encode()
        head = f"HTTP/1.1 {self.status} -\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    def verifier(self, retry_after: float = 60.0) -> TokenVerifier:
        return TokenVerifier(self.url, ISSUER, AUDIENCE, refresh_after=0, retry_after=retry_after)


@pytest.fixture
async def issuer(key: RSAKey) -> AsyncIterator[Issuer]:
    issuer = Issuer([key])
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    async with server:
        issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
        yield issuer


def five_tokens(key: RSAKey) -> list[str]:
    return [sign(key, kid=str(key.kid), sub=f"u{number}") for number in range(5)]


async def statuses(verifier: TokenVerifier, tokens: list[str]) -> list[int]:
    """What requests with `tokens` at once are answered."""
    answers = await asyncio.gather(*(verifier.verify(one) for one in tokens), return_exceptions=True)
    return [one.status if isinstance(one, Problem) else 200 for one in answers]


async def test_valid_tokens_that_come_together_at_a_cold_start_are_all_believed_after_one_reading(
    issuer: Issuer, key: RSAKey
) -> None:
    assert await statuses(issuer.verifier(), five_tokens(key)) == [200] * 5
    assert issuer.reads == 1


async def test_valid_tokens_that_come_together_at_a_rotation_are_all_believed_after_one_reading(
    issuer: Issuer, key: RSAKey, new_key: RSAKey
) -> None:
    verifier = issuer.verifier()
    await verifier.verify(sign(key))
    issuer.keys.append(new_key)
    assert await statuses(verifier, five_tokens(new_key)) == [200] * 5
    assert issuer.reads == 2


async def test_while_the_keys_cannot_be_read_a_valid_token_is_not_refused_but_told_to_come_again(
    issuer: Issuer, key: RSAKey, new_key: RSAKey
) -> None:
    issuer.status = 500
    assert await statuses(issuer.verifier(), five_tokens(key)) == [503] * 5
    assert issuer.reads == 1
    issuer.status = 200
    verifier = issuer.verifier(retry_after=0)
    await verifier.verify(sign(key))
    issuer.keys.append(new_key)
    issuer.status = 500
    assert await statuses(verifier, five_tokens(new_key)) == [503] * 5
    assert await statuses(verifier, five_tokens(key)) == [200] * 5, "by the keys that are known"
    issuer.status = 200
    assert await statuses(verifier, five_tokens(new_key)) == [200] * 5


def test_a_service_token_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    token = ServiceToken(file)
    assert token.header() == {"Authorization": "Bearer one"}
    file.write_text("two\n")
    os.utime(file, ns=(1, 1))
    assert token.header() == {"Authorization": "Bearer two"}
    assert ServiceToken(None).header() == {}


async def test_a_principal_ends_when_its_token_is_refused(verifier: TokenVerifier, key: RSAKey) -> None:
    end = int(time.time()) + 100
    assert (await verifier.verify(sign(key, exp=end))).ends == end + 60
