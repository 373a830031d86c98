"""After all is healed: quiet, and then what must hold."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from sqlalchemy.exc import SQLAlchemyError

from services.contracts.vocabulary import ReferralState
from tests.chaos.feed import Follower
from tests.chaos.ground import Ground
from tests.chaos.record import Record, read_record
from tests.chaos.stories import broken
from tests.chaos.turns import Verdict, judge
from tests.support import books
from tests.support.network import RunningNetwork
from tests.support.wiping import audit

QUIET_WITHIN = 150.0
"""Seconds; machines are shared and noisy."""
PAUSE = 0.7
"""Seconds between two looks: longer than one event takes from part to part."""
AWAY = (AssertionError, httpx2.HTTPError, SQLAlchemyError, OSError)


@dataclass
class Findings:
    """What must not be, in words. `answers` are what clients were told and did not expect."""

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
    verdict: Verdict
    record: Record | None
    quiet_after: float


async def check(ground: Ground, taken: set[str], follower: Follower) -> Checked:
    """Wait until nothing is under way, then look at everything. `taken`: whom intake has ever said it took here."""
    began, findings = time.monotonic(), Findings()
    last = await _until_quiet(ground)
    quiet_after = time.monotonic() - began
    if last:
        findings.silent.append(f"not quiet within {QUIET_WITHIN:.0f} s: {last}")
    try:
        record = await asyncio.to_thread(read_record, ground.network)
        await follower.read_stream()
        figures = await asyncio.to_thread(books.figures_of, ground.network)
        report = await audit(ground.network)
        letters = await asyncio.to_thread(lambda: [*_dead_letters(ground.network)])
    except AWAY as error:
        findings.silent.append(f"cannot be looked at: {type(error).__name__}: {str(error)[:300]}")
        return Checked(findings, Verdict(), None, quiet_after)
    verdict = judge(follower.steps, record.waits(), record.ranks)
    findings.lost += [*_lost(record, taken)]
    findings.twice += [*_twice(record, figures, report), *verdict.twice, *follower.steps.contradicted]
    findings.overtaken += verdict.overtaken
    findings.silent += [*_silent(record, figures), *letters]
    return Checked(findings, verdict, record, quiet_after)


async def _until_quiet(ground: Ground) -> str:
    """Empty when it is quiet, and was already a moment before without a step since; else what is not."""
    give_up, last, before = time.monotonic() + QUIET_WITHIN, "?", (-1, "")
    while time.monotonic() < give_up:
        try:
            if not (last := await _noise(ground)):
                now = await _steps_so_far(ground)
                if now == before:
                    return ""
                last, before = "steps are still taken", now
        except AWAY as error:
            last = f"{type(error).__name__}: {str(error)[:300]}"
        await asyncio.sleep(PAUSE)
    return last


async def _steps_so_far(ground: Ground) -> tuple[int, str]:
    """How many events the record has, and capacity's mark: a programme that resumes takes its steps one by one."""
    [[events]] = await asyncio.to_thread(books.rows, ground.plan.referral_sql_url, "SELECT count(*) FROM outbox")
    return int(str(events)), str((await audit(ground.network))["mark"])


async def _noise(ground: Ground) -> str:
    network = ground.network
    parts = [one.name for one in network.network.parts if not await asyncio.to_thread(one.is_ready)]
    if parts:
        return f"not ready: {', '.join(parts)}"
    for what, count in (("not recorded", books.undecided), ("not sent", books.unsent), ("not routed", _unrouted)):
        if found := await asyncio.to_thread(count, network):
            return f"{what}: {found}"
    report = await audit(network)
    if report["differences"] or report["unsettled"]:
        return f"audit: {report['unsettled']} unsettled, differences {report['differences'][:3]}"
    return ""


def _unrouted(network: RunningNetwork) -> int:
    return sum(one.state == "submitted" for one in books.recorded(network).values())


def _lost(record: Record, taken: set[str]) -> Iterator[str]:
    recorded = set(record.stories)
    for what, ids in (
        ("acknowledged, but not in intake's records", taken - record.diagnosed),
        ("in intake's records, but has no referral", record.diagnosed - recorded),
        ("a referral of nobody whom intake knows", recorded - record.diagnosed),
        ("recorded by intake, but never acknowledged", record.diagnosed - taken),
    ):
        yield from (f"{one}: {what}" for one in sorted(ids))
    for story in record.stories.values():
        yield from broken(story)


def _twice(record: Record, figures: dict[str, dict[str, int]], report: dict[str, Any]) -> Iterator[str]:
    yield from (f"audit: {one}" for one in report["differences"])
    if report["unsettled"]:
        yield f"audit: {report['unsettled']} unsettled"
    held, occupied = Counter[str](), Counter[str]()
    for story in record.stories.values():
        if story.row.state in ("offered", "accepted"):
            held[str(story.row.programme_id)] += 1
        elif story.row.state == "admitted":
            occupied[str(story.row.programme_id)] += 1
    for name, one in figures.items():
        if (one["held"], one["occupied"]) != (held[name], occupied[name]):
            counted, recorded = f"{one['held']} + {one['occupied']}", f"{held[name]} + {occupied[name]}"
            yield f"{name}: capacity counts {counted} held and occupied, the record {recorded}"


def _silent(record: Record, figures: dict[str, dict[str, int]]) -> Iterator[str]:
    for id, story in record.stories.items():
        if story.row.state == ReferralState.SUBMITTED:
            yield f"{id} is still submitted"
    yield from (
        f"{name} has a free place and a queue" for name, one in figures.items() if one["free"] and one["waiting"]
    )


def _dead_letters(network: RunningNetwork) -> Iterator[str]:
    """Nobody has planted any."""
    for url in (network.plan.intake_sql_url, network.plan.referral_sql_url):
        for consumer, topic, key, reason in books.rows(url, "SELECT consumer, topic, key, reason FROM dead_letters"):
            yield f"{consumer} set a message of {topic} aside, key {key!r}: {reason}"
