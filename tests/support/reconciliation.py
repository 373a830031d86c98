"""Record against capacity: a comparison written apart from the service's own audit, and that audit."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
from redis.asyncio import Redis

from services.capacity.adapters.redis_claim_pages import RedisClaimPages
from services.capacity.adapters.redis_scripts import RedisScripts
from services.capacity.domain.figures import stale_after
from services.capacity.ports import Rebuilding
from services.cli.up.demo import api
from services.contracts.rebuild import BATCH, KeptClaim
from services.contracts.vocabulary import ClaimState, Role
from tests.support.network import RunningNetwork
from tests.support.record_queries import RecordedReferral, referrals_with_queues

PREFIX = "joldama"
CLAIM_STATES = {
    "offered": ClaimState.HELD,
    "accepted": ClaimState.HELD,
    "admitted": ClaimState.OCCUPIED,
    "waiting": ClaimState.WAITING,
}
"""The claim of a referral in this state."""


async def differences(network: RunningNetwork) -> list[str]:
    """Where record and capacity differ, in words. Raises HTTPError or Rebuilding while capacity has no data."""
    recorded = await asyncio.to_thread(referrals_with_queues, network)
    claims, found, counts = await _claims(network, list(recorded)), list[str](), Counter[tuple[str, ClaimState]]()
    for claim in claims:
        found += _claim_differences(recorded[str(claim.referral_id)], claim)
        counts.update((name, claim.state) for name in claim.programme_ids)
    for name, figures in (await asyncio.to_thread(figures_by_programme, network)).items():
        for state in (ClaimState.HELD, ClaimState.OCCUPIED):
            if figures[state] != counts[name, state]:
                found.append(f"{name} counts {figures[state]} {state}, of claims {counts[name, state]}")
        if figures["free"] and figures["waiting"]:
            found.append(f"{name} has a free place and a queue")
        if figures["free"] + figures["held"] + figures["occupied"] != figures["places"]:
            found.append(f"{name} does not add up")
    return found


async def _claims(network: RunningNetwork, ids: list[str]) -> list[KeptClaim]:
    async with Redis.from_url(network.plan.redis_url) as redis:
        pages = RedisClaimPages(RedisScripts(redis, PREFIX), stale_after(7))
        found: list[KeptClaim] = []
        for start in range(0, len(ids), BATCH):
            found += (await pages.lookup([UUID(one) for one in ids[start : start + BATCH]], datetime.now(UTC))).claims
    return found


def _claim_differences(referral: RecordedReferral, claim: KeptClaim) -> list[str]:
    expected, found = CLAIM_STATES.get(referral.state, ClaimState.NONE), []
    if (claim.state, claim.attempt) != (expected, referral.attempt) and expected is not ClaimState.NONE:
        recorded = f"{referral.state} ({referral.attempt})"
        found.append(f"{referral.id} is {recorded} but its claim {claim.state} ({claim.attempt})")
    if claim.state in (ClaimState.HELD, ClaimState.OCCUPIED) and claim.programme_ids != (referral.programme_id,):
        found.append(f"{referral.id} is offered {referral.programme_id} but has {claim.programme_ids}")
    if claim.state is ClaimState.WAITING and frozenset(claim.queued) != referral.queues:
        found.append(f"{referral.id} waits for {sorted(referral.queues)} but stands in {sorted(claim.queued)}")
    return found


async def agree(network: RunningNetwork) -> bool:
    """Whether record and capacity agree; raises AssertionError with the differences."""
    try:
        assert await differences(network) == []
    except (httpx2.HTTPError, Rebuilding) as error:
        raise AssertionError("capacity is being rebuilt") from error
    return True


def figures_by_programme(network: RunningNetwork) -> dict[str, dict[str, int]]:
    """Every programme's figures over the public API."""
    with api(network.plan, "capacity", Role.OPERATOR) as capacity:
        return {one["programme_id"]: one for one in capacity.pages("/v1/capacity")}


async def audit(network: RunningNetwork) -> dict[str, Any]:
    """The referral service's own audit."""
    headers = network.headers("operator")
    async with httpx2.AsyncClient(base_url=network.url("referral"), headers=headers, timeout=90) as http:
        answer = await http.get("/v1/audit")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body
