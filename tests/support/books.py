"""Holding the record against capacity: who holds, waits or is offered, on both sides."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from services.capacity.adapters.redis_claims import read_result
from services.capacity.adapters.redis_scripts import RedisScripts
from services.contracts.vocabulary import ClaimState
from tests.support.network import RunningNetwork

HELD_WHILE = {"offered": ClaimState.HELD, "accepted": ClaimState.HELD, "waiting": ClaimState.WAITING}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One referral as the record has it."""

    id: str
    state: str
    programme_id: str | None
    attempt: int


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    """What a query answers, read past the services."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
    finally:
        engine.dispose()


def recorded(network: RunningNetwork) -> dict[str, Recorded]:
    found = rows(network.plan.referral_sql_url, "SELECT id, state, programme_id, attempt FROM referrals")
    return {str(row[0]): Recorded(str(row[0]), str(row[1]), row[2], int(str(row[3]))) for row in found}  # type: ignore[arg-type]


def unsent(network: RunningNetwork) -> int:
    """Events in both outboxes that Kafka has not acknowledged."""
    pending = "SELECT count(*) FROM outbox WHERE acknowledged_at IS NULL"
    try:
        urls = (network.plan.intake_sql_url, network.plan.referral_sql_url)
        return sum(int(str(rows(url, pending)[0][0])) for url in urls)
    except OperationalError:
        return -1


def undecided(network: RunningNetwork) -> int:
    """Diagnoses that intake has recorded and the referral service has not."""
    diagnosed = int(str(rows(network.plan.intake_sql_url, "SELECT count(*) FROM diagnosis")[0][0]))
    return diagnosed - len(recorded(network))


def offers_open_per_referral(network: RunningNetwork) -> Counter[str]:
    open_offers = "SELECT referral_id FROM offers WHERE state IN ('made', 'seen', 'accepted')"
    return Counter(str(row[0]) for row in rows(network.plan.referral_sql_url, open_offers))


async def differences(network: RunningNetwork) -> list[str]:
    """Where the record and capacity tell two stories; empty when they tell one."""
    found, held = [], Counter[str]()
    async with Redis.from_url(network.plan.redis_url) as redis:
        known = list(recorded(network).values())
        scripts = RedisScripts(redis, "joldama")
        calls = [([scripts.claim_key(one.id)], (0, "", "")) for one in known]
        for one, reply in zip(known, await scripts.run_many("present", calls), strict=True):
            claim = read_result(reply[3], UUID(one.id))
            expected = HELD_WHILE.get(one.state, ClaimState.NONE)
            if (claim.state, claim.attempt) != (expected, one.attempt) and expected is not ClaimState.NONE:
                found.append(f"{one.id} is {one.state} ({one.attempt}) but its claim {claim.state} ({claim.attempt})")
            if claim.state is ClaimState.HELD:
                held[str(claim.programme_id)] += 1
                if claim.programme_id != one.programme_id:
                    found.append(f"{one.id} is offered {one.programme_id} but holds {claim.programme_id}")
    figures = await asyncio.to_thread(figures_of, network)
    found += [
        f"{name} counts {f['held']} held, {held[name]} claims hold"
        for name, f in figures.items()
        if f["held"] != held[name]
    ]
    found += [f"{name} has a free place and a queue" for name, f in figures.items() if f["free"] and f["waiting"]]
    found += [
        f"{name} does not add up" for name, f in figures.items() if f["free"] + f["held"] + f["occupied"] != f["places"]
    ]
    return found


def figures_of(network: RunningNetwork) -> dict[str, dict[str, int]]:
    """Every programme's figures over the public API."""
    from services.cli.up.demo import api
    from services.contracts.vocabulary import Role

    with api(network.plan, "capacity", Role.OPERATOR) as capacity:
        return {one["programme_id"]: one for one in capacity.pages("/v1/capacity")}
