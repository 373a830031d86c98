"""Which bearer tokens are believed."""

import hmac
import json
import os
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.kit.http import auth
from services.kit.http.auth import ServiceToken, TokenVerifier
from services.kit.http.problems import Problem

ISSUER = "https://issuer.test"


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


def write_keys(path: Path, *keys: RSAKey) -> None:
    path.write_text(json.dumps({"keys": [one.as_dict(private=False) for one in keys]}))


@pytest.fixture
def jwks(tmp_path: Path, key: RSAKey) -> Path:
    path = tmp_path / "jwks.json"
    write_keys(path, key)
    return path


@pytest.fixture
def verifier(jwks: Path) -> TokenVerifier:
    return TokenVerifier(str(jwks), ISSUER, "joldama")


def claims(**changes: Any) -> dict[str, Any]:
    base = {
        "iss": ISSUER,
        "aud": "joldama",
        "sub": "u1",
        "exp": int(time.time()) + 60,
        "roles": ["center"],
        "org": "c1",
    }
    return {name: value for name, value in (base | changes).items() if value is not ...}


def sign(key: RSAKey, alg: str = "RS256", kid: str | None = "one", **changes: Any) -> str:
    header = {"alg": alg} | ({"kid": kid} if kid else {})
    return jwt.encode(header, claims(**changes), key, algorithms=[alg])


async def test_a_good_token_names_its_principal(verifier: TokenVerifier, key: RSAKey) -> None:
    principal = await verifier.verify(sign(key))
    assert (principal.subject, principal.roles, principal.org) == ("u1", {"center"}, "c1")
    assert principal.actor == "center:c1"
    assert principal.has("operator", "center")
    assert not principal.has("operator")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.test"},
        {"iss": ...},
        {"aud": "other"},
        {"aud": ...},
        {"exp": int(time.time()) - 60},
        {"exp": ...},
        {"nbf": int(time.time()) + 600},
        {"sub": ...},
    ],
)
async def test_wrong_or_missing_claims_are_refused(
    verifier: TokenVerifier, key: RSAKey, changes: dict[str, Any]
) -> None:
    with pytest.raises(Problem) as caught:
        await verifier.verify(sign(key, **changes))
    assert (caught.value.status, caught.value.code) == (401, "unauthorized")


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


async def test_a_new_key_is_found_by_reading_the_set_again_but_not_for_every_stranger(
    verifier: TokenVerifier, key: RSAKey, jwks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(auth, "monotonic", lambda: now[0])
    await verifier.verify(sign(key))
    new = RSAKey.generate_key(2048, {"kid": "two"})
    write_keys(jwks, key, new)
    with pytest.raises(Problem):
        await verifier.verify(sign(new, kid="two"))
    now[0] += auth.REFRESH_AFTER
    assert (await verifier.verify(sign(new, kid="two"))).subject == "u1"
    assert (await verifier.verify(sign(key))).subject == "u1"


async def test_a_token_is_believed_for_a_while_but_never_past_its_end(
    verifier: TokenVerifier, key: RSAKey, jwks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    monkeypatch.setattr(auth, "time", lambda: now[0])
    ends_soon, ends_late = sign(key, exp=int(now[0]) + 10), sign(key, exp=int(now[0]) + 3600)
    for token in (ends_soon, ends_late):
        await verifier.verify(token)
    verifier._keys = type(verifier._keys)([])  # the key was taken from the set
    verifier._refresh_after = auth.monotonic() + auth.REFRESH_AFTER
    assert (await verifier.verify(ends_late)).subject == "u1"
    now[0] += 11
    with pytest.raises(Problem):
        await verifier.verify(ends_soon)
    now[0] += auth.BELIEVED_FOR
    with pytest.raises(Problem):
        await verifier.verify(ends_late)


async def test_keys_that_cannot_be_read_are_our_fault_not_the_callers(tmp_path: Path, key: RSAKey) -> None:
    verifier = TokenVerifier(str(tmp_path / "missing.json"), ISSUER, "joldama")
    with pytest.raises(Problem) as caught:
        await verifier.verify(sign(key))
    assert (caught.value.status, caught.value.code) == (503, "unavailable")


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"keys": 5}', '{"keys": [{}]}', "no json"])
async def test_a_key_set_that_is_none_is_our_fault_and_asked_for_again_shortly(
    tmp_path: Path, key: RSAKey, content: str
) -> None:
    (path := tmp_path / "jwks.json").write_text(content)
    verifier = TokenVerifier(str(path), ISSUER, "joldama")
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            await verifier.verify(sign(key))
        assert refused.value.status == 503


@pytest.mark.parametrize("org", [None, 5, ["c1"], ...])
async def test_an_organization_that_is_no_text_is_none(verifier: TokenVerifier, key: RSAKey, org: Any) -> None:
    principal = await verifier.verify(sign(key, org=org, roles=["center", None, 7]))
    assert (principal.org, principal.roles) == ("", {"center"})


async def test_a_header_that_is_none_is_refused(verifier: TokenVerifier) -> None:
    head = urlsafe_b64encode(b'{"alg":"RS256","crit":5}').decode().rstrip("=")
    with pytest.raises(Problem) as refused:
        await verifier.verify(f"{head}.e30.AAAA")
    assert refused.value.status == 401


async def test_the_history_never_repeats_a_subject(verifier: TokenVerifier, key: RSAKey) -> None:
    principal = await verifier.verify(sign(key, sub="150101500017", org=..., roles=["operator"]))
    assert "150101500017" not in principal.actor
    assert principal.actor.startswith("operator:")


def test_a_service_token_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    token = ServiceToken(file)
    assert token.header() == {"Authorization": "Bearer one"}
    file.write_text("two\n")
    os.utime(file, ns=(1, 1))
    assert token.header() == {"Authorization": "Bearer two"}
    assert ServiceToken(None).header() == {}
