"""Which of an issuer's keys are believed, for how long, and when the key set is read again."""

import asyncio
import json
import time
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from services.kit.http.auth import TokenVerifier
from services.kit.http.issuer_keys import IssuerKeys, read_keys
from services.kit.http.problems import Problem
from tests.unit.kit.tokens import AUDIENCE, ISSUER, Key, key_set, sign, write_keys


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture(scope="module")
def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "two"})


@dataclass
class Issuer:
    """Serves a key set on loopback and counts the readings; `status` is what it answers with."""

    keys: list[RSAKey] = field(default_factory=list)
    status: int = 200
    reads: int = 0
    url: str = ""
    now: float = 1000.0
    """Seconds of the clock by which the keys age."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.reads += 1
        body = key_set(*self.keys).encode()
        head = f"HTTP/1.1 {self.status} -\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    def verifier(self, pause: float = 0) -> TokenVerifier:
        keys = IssuerKeys(self.url, max_age=600, pause=pause, clock=lambda: self.now)
        return TokenVerifier(keys, ISSUER, AUDIENCE)


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


async def status(verifier: TokenVerifier, token: str) -> int:
    return (await statuses(verifier, [token]))[0]


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
    verifier = issuer.verifier()
    assert await statuses(verifier, five_tokens(key)) == [503] * 5
    assert issuer.reads == 1
    issuer.status = 200
    await verifier.verify(sign(key))
    issuer.keys.append(new_key)
    issuer.status = 500
    assert await statuses(verifier, five_tokens(new_key)) == [503] * 5
    assert await statuses(verifier, five_tokens(key)) == [200] * 5, "by the keys that are known"
    issuer.status = 200
    assert await statuses(verifier, five_tokens(new_key)) == [200] * 5


async def test_a_withdrawn_key_is_believed_no_longer_than_the_maximum_age(
    issuer: Issuer, key: RSAKey, new_key: RSAKey
) -> None:
    verifier, lasting = issuer.verifier(), sign(key, exp=int(time.time()) + 10**6)
    assert await status(verifier, lasting) == 200
    issuer.keys[:] = [new_key]
    issuer.now += 599
    issuer.status = 500  # the reading at half the age fails
    assert await status(verifier, lasting) == 200
    issuer.now += 1
    assert await status(verifier, lasting) == 503, "keys of unknown age are none"
    issuer.status = 200
    assert await status(verifier, lasting) == 401, "also when the token was believed before"


async def test_keys_are_read_again_at_half_their_age_without_keeping_anybody_waiting(
    issuer: Issuer, key: RSAKey, new_key: RSAKey
) -> None:
    verifier = issuer.verifier()
    assert await status(verifier, sign(key)) == 200
    issuer.keys[:] = [new_key]
    issuer.now += 300
    async with asyncio.timeout(5):
        while await status(verifier, sign(key)) == 200:
            await asyncio.sleep(0.01)


GARBAGE = ["x", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30", "eyJhbGciOiJub25lIiwia2lkIjoidHdvIn0.e30.AAAA"]


async def test_garbage_has_no_key_read_and_a_strangers_key_delays_no_new_one(
    issuer: Issuer, key: RSAKey, new_key: RSAKey
) -> None:
    verifier = issuer.verifier(pause=0.2)
    await verifier.verify(sign(key))
    assert await statuses(verifier, [*GARBAGE, sign(new_key), sign(key)[:-9]]) == [401] * 6
    assert issuer.reads == 1
    issuer.now += 1
    stranger = RSAKey.generate_key(2048)
    strangers = [sign(stranger, kid=f"strange-{number}") for number in range(20)]
    assert await statuses(verifier, strangers) == [401] * 20
    assert issuer.reads == 2, "all of them waited for one reading"
    issuer.keys.append(new_key)  # just after a stranger had the set read
    async with asyncio.timeout(20):
        assert await status(verifier, sign(new_key, kid="two")) == 200
    assert issuer.reads == 3, "read again for it, at once"


async def test_who_comes_while_the_keys_are_being_read_waits_for_the_next_reading(
    issuer: Issuer, key: RSAKey, new_key: RSAKey
) -> None:
    verifier = issuer.verifier()
    await verifier.verify(sign(key))
    under_way = asyncio.create_task(status(verifier, sign(RSAKey.generate_key(2048), kid="strange")))
    while issuer.reads < 2:
        await asyncio.sleep(0)
    issuer.keys.append(new_key)
    assert await status(verifier, sign(new_key, kid="two")) == 200
    assert await under_way == 401


EC, ED = ECKey.generate_key("P-256", {"kid": "ec"}), OKPKey.generate_key("Ed25519", {"kid": "ed"})


async def test_each_key_signs_by_its_own_algorithm_only(tmp_path: Path, key: RSAKey) -> None:
    path = write_keys(tmp_path / "jwks.json", key, EC, ED)
    verifier = TokenVerifier(IssuerKeys(str(path), pause=0), ISSUER, AUDIENCE)
    for signer, algorithm in ((key, "RS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")):
        assert await status(verifier, sign(signer, algorithm, str(signer.kid))) == 200
    for algorithm in ("RS384", "RS512", "PS256"):
        assert await status(verifier, sign(key, algorithm)) == 401
    for signer, algorithm in ((key, "RS256"), (EC, "ES256"), (ED, "EdDSA")):
        for other in {"one", "ec", "ed"} - {signer.kid}:
            assert await status(verifier, sign(signer, algorithm, other)) == 401


def changed(key: Key, **changes: Any) -> dict[str, Any]:
    return key.as_dict(private=False) | changes


with warnings.catch_warnings(action="ignore"):  # the library warns of it
    SHORT = RSAKey.generate_key(1024, {"kid": "short"})
UNUSABLE = [
    changed(SHORT), {"kty": "OKP", "crv": "X9999", "x": "AAAA"}, {"kty": "oct", "k": "c2VjcmV0"}, {"kty": 5}, 5, {},
    changed(ECKey.generate_key("P-384")), changed(OKPKey.generate_key("X25519")), changed(EC, alg="ES512"),
    changed(EC, use="enc"), changed(EC, key_ops=["sign"]), changed(EC, key_ops=5), changed(EC, kid=["ec"]),
]  # fmt: skip


@pytest.mark.parametrize("unusable", UNUSABLE, ids=map(str, range(len(UNUSABLE))))
async def test_a_key_that_cannot_be_used_does_not_spoil_the_others(key: RSAKey, unusable: Any) -> None:
    found = read_keys(json.dumps({"keys": [unusable, key.as_dict(private=False)]}))
    assert list(found) == [("one", "RS256")]


async def test_a_short_key_is_no_key(tmp_path: Path) -> None:
    verifier = TokenVerifier(IssuerKeys(str(write_keys(tmp_path / "jwks.json", SHORT)), pause=0), ISSUER, AUDIENCE)
    assert await status(verifier, sign(SHORT, kid="short")) == 503, "the set has no key that can be used"
