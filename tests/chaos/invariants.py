"""The invariants, checked once every fault is over and nothing is under way."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from services.contracts.vocabulary import ReferralState
from services.kit.dead_letters.dead_letter import DeadLetterState
from tests.chaos.feed import FeedFollower
from tests.chaos.history_checks import inconsistencies
from tests.chaos.queue_replay import ReplayResult, replay
from tests.chaos.record import Record, due_referrals, read_record
from tests.chaos.testbed import Testbed
from tests.support import record_queries
from tests.support.network import RunningNetwork
from tests.support.reconciliation import audit, figures_by_programme

QUIET_WITHIN = 150.0
"""Seconds; machines are shared and noisy."""
PAUSE = 0.7
"""Seconds between two looks: longer than one event takes from part to part."""
UNAVAILABLE = (AssertionError, httpx2.HTTPError, SQLAlchemyError, OSError)
Figures = Mapping[str, tuple[int, bool]]
"""By programme id: places, and whether suspended."""


@dataclass
class Findings:
    """Violations, in words. `answers` are answers that clients did not expect."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    overtaken: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def all(self) -> list[str]:
        return [f"{kind}: {one}" for kind, found in vars(self).items() for one in found]


@dataclass
class Checked:
    findings: Findings
    replayed: ReplayResult
    record: Record | None
    quiet_after: float


async def check(bed: Testbed, submitted: set[str], figures: Figures, follower: FeedFollower) -> Checked:
    """Wait until nothing is under way, then check everything.

    `submitted` are all referrals that intake has acknowledged here, `figures` the last acknowledged figures.
    """
    began, findings = time.monotonic(), Findings()
    last = await _until_quiet(bed)
    quiet_after = time.monotonic() - began
    if last:
        findings.silent.append(f"not quiet within {QUIET_WITHIN:.0f} s: {last}")
    try:
        record = await asyncio.to_thread(read_record, bed.network)
        await follower.read_stream()
        counts = await asyncio.to_thread(figures_by_programme, bed.network)
        report = await audit(bed.network)
        letters = await asyncio.to_thread(lambda: [*_dead_letters(bed.network)])
    except UNAVAILABLE as error:
        findings.silent.append(f"cannot be checked: {type(error).__name__}: {str(error)[:300]}")
        return Checked(findings, ReplayResult(), None, quiet_after)
    replayed = replay(follower.steps, record.waits(), record.ranks)
    findings.lost += [*_lost(record, submitted), *_lost_figures(record, figures, counts)]
    findings.twice += [*_twice(record, counts, report), *replayed.twice, *follower.steps.contradictions]
    findings.overtaken += replayed.overtaken
    findings.silent += [*_silent(record, counts), *letters]
    return Checked(findings, replayed, record, quiet_after)


async def _until_quiet(bed: Testbed) -> str:
    """Empty when twice in a row nothing was under way, without a step between; else what is under way."""
    give_up, last, before = time.monotonic() + QUIET_WITHIN, "?", (-1, "")
    while time.monotonic() < give_up:
        try:
            if not (last := await _under_way(bed)):
                now = await _progress(bed)
                if now == before:
                    return ""
                last, before = "steps are still taken", now
        except UNAVAILABLE as error:
            last = f"{type(error).__name__}: {str(error)[:300]}"
        await asyncio.sleep(PAUSE)
    return last


async def _progress(bed: Testbed) -> tuple[int, str]:
    """The record's count of events, and capacity's data version: a programme that resumes takes its steps singly."""
    [[events]] = await asyncio.to_thread(record_queries.query, bed.plan.referral_sql_url, "SELECT count(*) FROM outbox")
    return int(str(events)), str((await audit(bed.network))["data_version"])


async def _under_way(bed: Testbed) -> str:
    network = bed.network
    parts = [one.name for one in network.network.parts if not await asyncio.to_thread(one.is_ready)]
    if parts:
        return f"not ready: {', '.join(parts)}"
    for what, count in (
        ("diagnoses without a referral", record_queries.unrecorded_diagnoses),
        ("events that Kafka has not acknowledged", record_queries.unacknowledged_events),
        ("referrals not routed", _unrouted),
        ("messages to be retried", _retried),
        ("referrals that are due", due_referrals),
    ):
        if found := await asyncio.to_thread(count, network):
            return f"{what}: {found}"
    report = await audit(network)
    if report["differences"] or report["unsettled"]:
        return f"audit: {report['unsettled']} unsettled, differences {report['differences'][:3]}"
    return ""


def _unrouted(network: RunningNetwork) -> int:
    return sum(one.state == "submitted" for one in record_queries.referrals(network).values())


def _lost(record: Record, submitted: set[str]) -> Iterator[str]:
    recorded = set(record.referrals)
    for what, ids in (
        ("acknowledged, but not in intake's records", submitted - record.diagnosed),
        ("in intake's records, but has no referral", record.diagnosed - recorded),
        ("a referral of nobody whom intake knows", recorded - record.diagnosed),
        ("recorded by intake, but never acknowledged", record.diagnosed - submitted),
    ):
        yield from (f"{one}: {what}" for one in sorted(ids))
    for referral in record.referrals.values():
        yield from inconsistencies(referral)


def _lost_figures(record: Record, figures: Figures, counts: dict[str, dict[str, int]]) -> Iterator[str]:
    """An acknowledged figure is in the registry, and every figure of the registry at capacity (closed: no places)."""
    registry = {name: (row.places, row.suspended) for name, row in record.figures.items()}
    for name, figure in figures.items():
        if registry.get(name) != figure:
            yield f"{name}: the figure {figure} was acknowledged, the registry has {registry.get(name)}"
    for name, (places, suspended) in registry.items():
        figure = (0 if record.programmes[name].closed else places, suspended)
        applied = name in counts and (counts[name]["places"], bool(counts[name]["suspended"]))
        if applied != figure:
            yield f"{name}: the registry has the figure {figure}, capacity {applied}"


def _twice(record: Record, counts: dict[str, dict[str, int]], report: dict[str, Any]) -> Iterator[str]:
    yield from (f"audit: {one}" for one in report["differences"])
    if report["unsettled"]:
        yield f"audit: {report['unsettled']} unsettled"
    held, occupied = Counter[str](), Counter[str]()
    for referral in record.referrals.values():
        if referral.row.state in ("offered", "accepted"):
            held[str(referral.row.programme_id)] += 1
        elif referral.row.state == "admitted":
            occupied[str(referral.row.programme_id)] += 1
    for name, one in counts.items():
        if (one["held"], one["occupied"]) != (held[name], occupied[name]):
            counted, recorded = f"{one['held']} + {one['occupied']}", f"{held[name]} + {occupied[name]}"
            yield f"{name}: capacity counts {counted} held and occupied, the record {recorded}"


def _silent(record: Record, counts: dict[str, dict[str, int]]) -> Iterator[str]:
    for id, referral in record.referrals.items():
        if referral.row.state == ReferralState.SUBMITTED:
            yield f"{id} is still submitted"
    for name, one in counts.items():
        if one["free"] and one["waiting"]:
            yield f"{name} has a free place and a queue"
        if one["waiting"] and record.programmes[name].closed:
            yield f"{name} is closed and has a queue"


def _retried(network: RunningNetwork) -> int:
    return sum(state == DeadLetterState.RETRYING for state, *_ in _read_dead_letters(network))


def _dead_letters(network: RunningNetwork) -> Iterator[str]:
    """Dead letters, of which a run plants none. Only a message that came early is settled without a decision."""
    for state, consumer, topic, key, reason in _read_dead_letters(network):
        if state != DeadLetterState.SETTLED:
            yield f"{consumer} has a dead letter of {topic}, {state}, key {key!r}: {reason}"


def _read_dead_letters(network: RunningNetwork) -> Iterator[tuple[object, ...]]:
    columns = "state, consumer, topic, key, reason"
    yield from record_queries.query(network.plan.referral_sql_url, f"SELECT {columns} FROM dead_letters")
