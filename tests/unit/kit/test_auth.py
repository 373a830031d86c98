"""Which bearer tokens are believed."""

import hmac
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from services.kit.http.auth import LONGEST_TOKEN, TokenVerifier
from services.kit.http.issuer_keys import IssuerKeys
from services.kit.http.problems import Problem
from services.kit.http.token_claims import CLOCK_DIFFERENCE
from tests.unit.kit.tokens import AUDIENCE, ISSUER, sign, write_keys


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture(scope="module")
def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"})


@pytest.fixture
def jwks(tmp_path: Path, key: RSAKey) -> Path:
    return write_keys(tmp_path / "jwks.json", key)


def verifier_of(jwks: Path, **clock: Any) -> TokenVerifier:
    """A verifier that may read the keys as often as it is asked."""
    return TokenVerifier(IssuerKeys(str(jwks), pause=0), ISSUER, AUDIENCE, **clock)


@pytest.fixture
def verifier(jwks: Path) -> TokenVerifier:
    return verifier_of(jwks)


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
    return verifier_of(jwks, clock=lambda: NOW)


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


async def test_a_new_key_is_found_by_reading_the_set_again(
    verifier: TokenVerifier, jwks: Path, key: RSAKey, new_key: RSAKey
) -> None:
    await verifier.verify(sign(key))
    write_keys(jwks, key, new_key)
    assert (await verifier.verify(sign(new_key, kid="two"))).subject == "u1"
    assert (await verifier.verify(sign(key))).subject == "u1"


async def test_a_token_is_believed_for_a_while_but_never_past_its_end(jwks: Path, key: RSAKey) -> None:
    now = [time.time()]
    verifier = verifier_of(jwks, clock=lambda: now[0])
    ends_soon, ends_late = sign(key, exp=int(now[0]) + 10), sign(key, exp=int(now[0]) + 3600)
    for token in (ends_soon, ends_late):
        await verifier.verify(token)
    now[0] += 11 + CLOCK_DIFFERENCE
    assert (await verifier.verify(ends_late)).subject == "u1"
    with pytest.raises(Problem):
        await verifier.verify(ends_soon)


async def test_keys_that_cannot_be_read_are_our_fault_not_the_callers(tmp_path: Path, key: RSAKey) -> None:
    verifier = verifier_of(tmp_path / "missing.json")
    with pytest.raises(Problem) as caught:
        await verifier.verify(sign(key))
    assert (caught.value.status, caught.value.code) == (503, "unavailable")


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"keys": 5}', '{"keys": [{}]}', "no json"])
async def test_a_key_set_that_is_none_is_our_fault_and_asked_for_again_shortly(
    tmp_path: Path, key: RSAKey, content: str
) -> None:
    (path := tmp_path / "jwks.json").write_text(content)
    verifier = verifier_of(path)
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            await verifier.verify(sign(key))
        assert refused.value.status == 503


@pytest.mark.parametrize("absent", [None, ...])
async def test_a_token_need_not_have_roles_and_an_organization(
    verifier: TokenVerifier, key: RSAKey, absent: Any
) -> None:
    principal = await verifier.verify(sign(key, org=absent, roles=absent))
    assert (principal.org, principal.roles) == ("", frozenset())


ODD: list[Any] = [True, {}, {"a": 1}, ["x", 1], [None], [[]], "a\0b", "\ud800", "x" * 300, 1e999, -1e999, 10**400]
ODD_CLAIMS: list[dict[str, Any]] = [
    {claim: value}
    for claim in ("roles", "org", "sub", "exp", "nbf", "iat", "iss", "aud", "typ")
    for value in ODD
    if (claim, value) != ("org", {})
]


@pytest.mark.parametrize(
    "changes",
    [*ODD_CLAIMS, {"roles": "admin"}, {"roles": 5}, {"roles": ["a"] * 101}, {"exp": None}, {"sub": ""}, {"org": 5}],
    ids=lambda one: repr(one)[:40],
)
async def test_a_claim_of_an_odd_type_is_refused(verifier: TokenVerifier, key: RSAKey, changes: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        await verifier.verify(sign(key, **changes))
    assert refused.value.status == 401


async def test_claims_too_deep_for_the_decoder_are_refused(verifier: TokenVerifier, key: RSAKey) -> None:
    for payload in (b'{"roles":' + b"[" * 5000 + b"]" * 5000 + b"}", b"[" * 6000, b'{"exp":' + b"9" * 5000 + b"}"):
        with pytest.raises(Problem) as refused:
            await verifier.verify(jws.serialize_compact({"alg": "RS256", "kid": "one"}, payload, key))
        assert refused.value.status == 401
    deep_header = urlsafe_b64encode(b'{"alg":' + b"[" * 5000).decode()
    with pytest.raises(Problem) as refused:
        await verifier.verify(f"{deep_header}.e30.AAAA")
    assert refused.value.status == 401


async def test_a_huge_token_is_refused_and_many_roles_are_not(verifier: TokenVerifier, key: RSAKey) -> None:
    assert len((await verifier.verify(sign(key, roles=[f"role-{n}" for n in range(100)]))).roles) == 100
    with pytest.raises(Problem, match="longer"):
        await verifier.verify(sign(key, more="x" * LONGEST_TOKEN))


@pytest.mark.parametrize("header", [{}, *({"typ": one} for one in ("JWT", "jwt", "at+jwt", "application/at+jwt"))])
async def test_an_access_token_is_taken(verifier: TokenVerifier, key: RSAKey, header: dict[str, Any]) -> None:
    usual: dict[str, Any] = {
        "auth_time": 1,
        "acr": "1",
        "azp": "app",
        "client_id": "app",
        "sid": "s",
        "scope": "openid",
    }
    assert (await verifier.verify(sign(key, header=header, **usual))).subject == "u1"
    assert (await verifier.verify(sign(key, header=header, typ="Bearer"))).subject == "u1", "Keycloak's"


ID_MARKS = ("nonce", "at_hash", "c_hash", "s_hash", "events", "cnf")
OTHER_KINDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(({"typ": "JWT"}, {mark: "x"}) for mark in ID_MARKS),
    *(({"typ": "JWT"}, {"typ": kind}) for kind in ("ID", "Refresh", "Offline", "Logout", 5, None)),
    *(({"typ": kind}, {}) for kind in ("logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", "x-at+jwt", "")),
    ({"typ": "at+jwt"}, {"cnf": {"jkt": "x"}}),
]


@pytest.mark.parametrize(("header", "changes"), OTHER_KINDS, ids=repr)
async def test_another_kind_of_token_is_no_access_token(
    verifier: TokenVerifier, key: RSAKey, header: dict[str, Any], changes: dict[str, Any]
) -> None:
    with pytest.raises(Problem) as refused:
        await verifier.verify(sign(key, header=header, **changes))
    assert refused.value.status == 401


async def test_a_header_that_is_none_is_refused(verifier: TokenVerifier) -> None:
    head = urlsafe_b64encode(b'{"alg":"RS256","crit":5}').decode().rstrip("=")
    with pytest.raises(Problem) as refused:
        await verifier.verify(f"{head}.e30.AAAA")
    assert refused.value.status == 401


async def test_a_principal_ends_when_its_token_is_refused(verifier: TokenVerifier, key: RSAKey) -> None:
    end = int(time.time()) + 100
    assert (await verifier.verify(sign(key, exp=end))).ends == end + 60
