"""A person of two organizations sees the referrals of the one for which the request acts, and is entered as that."""

import time
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.integration.referral.conftest import ISSUER
from tests.integration.referral.country import Country, problem
from tests.integration.referral.listed import ids

CLAIM = ["polyclinic/p1", "polyclinic/p2", "center/near"]


@pytest.fixture
async def ask(api: FastAPI, issuer_key: RSAKey, offered: Country) -> Any:
    """`ask("polyclinic/p1")`: a client of this person that acts as that."""

    def make(acting_as: str = "", **more: Any) -> httpx2.AsyncClient:
        claims = {"iss": ISSUER, "aud": "joldama", "exp": int(time.time()) + 600, "sub": "asel", "acts_as": CLAIM}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims | more, issuer_key)
        headers = {"Authorization": f"Bearer {token}"} | ({"Acting-As": acting_as} if acting_as else {})
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(api), base_url="http://referral", headers=headers)

    return make


async def test_each_organization_has_its_own_referrals(ask: Any) -> None:
    assert [await ids(ask(one)) for one in CLAIM] == [[1], [2], [1]]


async def test_without_a_choice_nothing_is_shown_and_what_may_be_chosen_is_said(ask: Any) -> None:
    answer = await ask().get("/v1/referrals")
    assert (await problem(answer))[:2] == (403, "acting_as_needed")
    assert all(one in answer.json()["detail"] for one in CLAIM)
    assert (await problem(await ask("center/p1").get("/v1/referrals")))[:2] == (403, "not_acting_as")


async def test_roles_and_org_beside_the_claim_give_nothing_more(ask: Any) -> None:
    beside = {"roles": ["operator"], "org": "p9"}
    assert (await problem(await ask(**beside).get("/v1/referrals")))[:2] == (403, "acting_as_needed")
    assert (await problem(await ask("polyclinic/p1", **beside).get("/v1/statistics/regions")))[:2] == (403, "forbidden")


async def test_the_audit_log_names_the_chosen_organization(ask: Any, offered: Country) -> None:
    await ask("polyclinic/p2").get("/v1/referrals")
    entry = (await offered.service.audit_trail.entries(None, 0, 500))[-1]
    assert (entry["person"], entry["role"], entry["org"]) == ("asel", "polyclinic", "p2")
