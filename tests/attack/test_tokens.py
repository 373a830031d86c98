"""Tokens that are none, or not for this: odd claims, ID tokens, weak keys, and strangers who delay a new key."""

import json
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from joserfc import jws
from joserfc.jwk import KeySet, RSAKey

from services.kit.local_tokens import AUDIENCE, ISSUER
from services.local.private import write_private
from tests.support.network import RunningNetwork

READ = {"intake": "/v1/keys", "referral": "/v1/referrals", "capacity": "/v1/capacity"}
"""A path of each service."""
Signed = Callable[..., str]


@pytest.fixture(scope="module")
def signing_key(country: RunningNetwork) -> RSAKey:
    return RSAKey.import_key(json.loads((country.home.secrets / "issuer-key.json").read_text()))


@pytest.fixture(scope="module")
def signed(signing_key: RSAKey) -> Signed:
    """A token of the network's own issuer, with changed claims."""

    def sign(header: dict[str, Any] | None = None, key: RSAKey = signing_key, raw: bytes = b"", **changes: Any) -> str:
        base = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": int(time.time()) + 600, "roles": ["operator"]}
        whole = {"alg": "RS256", "kid": key.kid, "typ": "at+jwt"} | (header or {})
        return jws.serialize_compact(whole, raw or json.dumps(base | changes), key)

    return sign


@pytest.fixture(scope="module")
def answers(country: RunningNetwork) -> Iterator[Callable[[str], list[tuple[int, str]]]]:
    """Status and code of each service's answer to a token."""
    with httpx2.Client(timeout=20) as client:

        def ask(token: str) -> list[tuple[int, str]]:
            found = []
            for service, path in READ.items():
                answer = client.get(country.url(service) + path, headers={"Authorization": f"Bearer {token}"})
                found.append((answer.status_code, answer.json().get("code", "")))
            return found

        yield ask


DEEP = b'{"roles":' + b"[" * 5000 + b"]" * 5000 + b"}"
REFUSED: list[dict[str, Any]] = [
    {"raw": DEEP}, {"raw": b"[" * 6000}, {"raw": b'{"exp":' + b"9" * 5000 + b"}"}, {"roles": "operator"},
    {"roles": ["operator", 5]}, {"roles": {"operator": 1}}, {"sub": 5}, {"sub": ["u"]}, {"sub": "a\0b"},
    {"org": "\0"}, {"org": ["c"]}, {"org": "x" * 1000}, {"exp": True}, {"exp": 1e999}, {"exp": 10**400},
    {"header": {"typ": "JWT"}, "nonce": "n"}, {"header": {"typ": "JWT"}, "at_hash": "h"},
    {"header": {"typ": "JWT"}, "typ": "ID"}, {"header": {"typ": "logout+jwt"}}, {"cnf": {"jkt": "x"}},
    {"more": "x" * 20_000}, {"aud": {"joldama": 1}}, {"iss": [ISSUER]},
]  # fmt: skip


@pytest.mark.parametrize("changes", REFUSED, ids=lambda one: repr(one)[:50])
def test_a_token_with_odd_claims_is_refused_everywhere(
    answers: Callable[[str], list[tuple[int, str]]], signed: Signed, changes: dict[str, Any]
) -> None:
    assert [status for status, _ in answers(signed(**changes))] == [401] * 3


@pytest.mark.parametrize("role", ["polyclinic", "center"])
@pytest.mark.parametrize("org", ["", None])
def test_a_role_without_its_organization_is_refused_everywhere_in_the_same_way(
    country: RunningNetwork, signed: Signed, role: str, org: str | None
) -> None:
    headers = {"Authorization": f"Bearer {signed(roles=[role], org=org)}"}
    for service, path in (
        ("intake", "/v1/diagnoses/01937e5a-7b3c-7c2a-9d4e-000000000001"), ("referral", "/v1/referrals"),
        ("referral", "/v1/worklists/to-answer"), ("capacity", "/v1/capacity"), ("capacity", "/v1/capacity/feed"),
    ):  # fmt: skip
        answer = httpx2.get(country.url(service) + path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        assert "organization" in answer.json()["detail"], path


@pytest.fixture
def published(country: RunningNetwork) -> Iterator[Callable[..., None]]:
    """Adds keys to the issuer's set, until the end of the test."""
    file = country.home.secrets / "jwks.json"
    before = file.read_text()
    keys = json.loads(before)["keys"]

    def add(*more: RSAKey) -> None:
        write_private(file, json.dumps({"keys": keys + KeySet(list(more)).as_dict(private=False)["keys"]}))

    yield add
    write_private(file, before)


def test_a_short_key_signs_nothing(
    answers: Callable[[str], list[tuple[int, str]]], signed: Signed, published: Callable[..., None]
) -> None:
    with warnings.catch_warnings(action="ignore"):
        short = RSAKey.generate_key(1024, {"kid": "short"})
        published(short)
        assert answers(signed(key=short)) == [(401, "unauthorized")] * 3


def test_strangers_do_not_delay_a_new_key(
    country: RunningNetwork,
    answers: Callable[[str], list[tuple[int, str]]],
    signed: Signed,
    published: Callable[..., None],
) -> None:
    stranger, new = RSAKey.generate_key(2048, {"kid": "stranger"}), RSAKey.generate_key(2048, {"kid": "new"})
    garbage = ["x.y.z", signed(key=stranger), signed(header={"kid": "guessed"}, key=stranger)]
    with ThreadPoolExecutor(4) as strangers:
        under_way = [strangers.submit(answers, garbage[number % 3]) for number in range(12)]
        published(new)
        begun = time.monotonic()
        assert [status for status, _ in answers(signed(key=new))] == [200] * 3
        assert time.monotonic() - begun < 30, "about a second at each service; a stranger could delay it by 30 s"
        assert {status for one in under_way for status, _ in one.result()} == {401}
