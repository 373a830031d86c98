"""A small network to claim places in: programmes a, b, c…, referrals 1, 2, 3…, and a clock that stands still."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.capacity.domain.step import START, Step
from services.capacity.ports import Store
from services.contracts.claims import (
    ClaimRequest,
    ClaimResult,
    DataVersion,
    ProgrammeAnswer,
    ProgrammeFigures,
    ProgrammeOpening,
    WaitingClaim,
)
from services.contracts.vocabulary import Modality

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def referral(number: int) -> UUID:
    return UUID(int=number)


def request(
    number: int,
    *tiers: Sequence[str] | str,
    attempt: int = 1,
    rank: int | None = None,
    keep: bool = False,
    at: datetime = NOW,
) -> ClaimRequest:
    """Referral `number` asks for a place: `"a"` is a tier of one programme, `"a b"` of two."""
    return ClaimRequest(
        referral_id=referral(number),
        attempt=attempt,
        rank=number if rank is None else rank,
        candidates=tuple(tuple(tier.split()) if isinstance(tier, str) else tuple(tier) for tier in tiers),
        keep=keep,
        at=at,
    )


async def claim(store: Store, number: int, *tiers: str, seen: DataVersion | None = None, **more: Any) -> ClaimResult:
    batch = await store.claims.claim([request(number, *tiers, **more)], seen)
    return batch.results[0]


def opening(programme_id: str, places: int, **more: Any) -> ProgrammeOpening:
    defaults: dict[str, Any] = {
        "center_id": "center-1",
        "region_id": "KZ-10",
        "modality": Modality.DAY_STAY,
        "confirmed_at": NOW,
    }
    return ProgrammeOpening(programme_id=programme_id, places=places, **(defaults | more))


def waiting(number: int, attempt: int = 1) -> WaitingClaim:
    return WaitingClaim(referral_id=referral(number), attempt=attempt, rank=number)


async def open_programme(store: Store, programme_id: str, places: int, **more: Any) -> ProgrammeAnswer:
    return await store.places.open_programme(opening(programme_id, places, **more), NOW)


async def set_places(store: Store, programme_id: str, places: int, **more: Any) -> ProgrammeAnswer:
    return await store.places.set_places(programme_id, places, NOW + timedelta(minutes=1), **more)


async def figures(store: Store, programme_id: str) -> ProgrammeFigures:
    snapshot = await store.places.snapshot(NOW)
    return next(one for one in snapshot.figures if one.programme_id == programme_id)


async def queue(store: Store, programme_id: str) -> list[int]:
    return [turn.referral_id.int for turn in await store.places.queue(programme_id, None, 1000)]


async def steps(store: Store) -> list[Step]:
    return await store.steps.after(START, 10_000)


def told(step: Step) -> str:
    """A step in short: `held a 1` is referral 1 held at a."""
    kind = type(step.data).__name__.removesuffix("V1")
    where = getattr(step.data, "programme_id", None) or " ".join(getattr(step.data, "programme_ids", ()))
    who = getattr(step.data, "referral_id", None)
    return f"{kind} {where}" + (f" {who.int}" if who else "")


async def story(store: Store) -> list[str]:
    return [told(step) for step in await steps(store)]
