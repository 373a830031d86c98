"""A small network to claim places in: programmes a, b, c…, referrals 1, 2, 3…, and a clock that stands still."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.capacity.domain.step import START, Step
from services.capacity.ports import Store
from services.contracts.claims import (
    ClaimChange,
    ClaimPositions,
    ClaimRequest,
    ClaimResult,
    DataVersion,
    ProgrammeAnswer,
    ProgrammeCapacity,
    ProgrammeFigures,
    ProgrammeOpening,
    WaitingClaim,
)
from services.contracts.vocabulary import Modality
from tests.support.capacity.readable import readable

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def referral(number: int) -> UUID:
    return UUID(int=number)


def request(
    number: int,
    *tiers: Sequence[str] | str,
    attempt: int = 1,
    rank: int | None = None,
    retain: bool = False,
    at: datetime = NOW,
    traceparent: str | None = None,
) -> ClaimRequest:
    """Referral `number` asks for a place: `"a"` is a tier of one programme, `"a b"` of two."""
    return ClaimRequest(
        referral_id=referral(number),
        attempt=attempt,
        rank=number if rank is None else rank,
        candidates=tuple(tuple(tier.split()) if isinstance(tier, str) else tuple(tier) for tier in tiers),
        retain=retain,
        at=at,
        traceparent=traceparent,
    )


async def claim(store: Store, number: int, *tiers: str, seen: DataVersion | None = None, **more: Any) -> ClaimResult:
    batch = await store.claims.claim([request(number, *tiers, **more)], seen)
    return batch.results[0]


def change(number: int, attempt: int = 1) -> ClaimChange:
    return ClaimChange(referral_id=referral(number), attempt=attempt)


async def release(
    store: Store, number: int, attempt: int = 1, at: datetime = NOW, seen: DataVersion | None = None
) -> ClaimResult:
    return (await store.claims.release([change(number, attempt)], at, seen)).results[0]


async def occupy(
    store: Store, number: int, attempt: int = 1, at: datetime = NOW, seen: DataVersion | None = None
) -> ClaimResult:
    return (await store.claims.occupy([change(number, attempt)], at, seen)).results[0]


async def present(store: Store, number: int) -> ClaimPositions:
    """The referral's claim as it is."""
    [found] = await store.claims.positions([referral(number)])
    assert isinstance(found, ClaimPositions), f"referral {number}'s claim can be read"
    return found


def opening(programme_id: str, places: int, **more: Any) -> ProgrammeOpening:
    defaults: dict[str, Any] = {
        "center_id": "center-1",
        "region_id": "KZ-10",
        "modality": Modality.DAY_STAY,
        "confirmed_at": NOW,
        "version": 1,
    }
    return ProgrammeOpening(programme_id=programme_id, places=places, **(defaults | more))


def waiting(number: int, attempt: int = 1) -> WaitingClaim:
    return WaitingClaim(referral_id=referral(number), attempt=attempt, rank=number)


async def open_programme(store: Store, programme_id: str, places: int, **more: Any) -> ProgrammeAnswer:
    return await store.programmes.open_programme(opening(programme_id, places, **more), NOW)


async def new_figure(
    store: Store, programme_id: str, places: int, *, at: datetime = NOW + timedelta(minutes=1), **more: Any
) -> ProgrammeAnswer:
    """The registry's next figure of a programme that is open; what `more` does not name stays as it is."""
    known = (await figures(store, programme_id)).model_dump(include=set(ProgrammeCapacity.model_fields))
    changed = known | {"places": places, "confirmed_at": at, "version": known["version"] + 1} | more
    return await store.programmes.open_programme(ProgrammeOpening(**changed), at)


async def figures(store: Store, programme_id: str) -> ProgrammeFigures:
    snapshot = await store.programmes.snapshot(NOW)
    return next(one for one in snapshot.figures if one.programme_id == programme_id)


async def queue(store: Store, programme_id: str) -> list[int]:
    return [entry.referral_id.int for entry in await store.programmes.queue(programme_id, None, 1000)]


async def steps(store: Store) -> list[Step]:
    return readable(await store.steps.after(START, 10_000))


def brief(step: Step) -> str:
    """A step in short: `PlaceHeld a 1` is referral 1 held at a."""
    kind = type(step.data).__name__.removesuffix("V1")
    where = getattr(step.data, "programme_id", None) or " ".join(getattr(step.data, "programme_ids", ()))
    who = getattr(step.data, "referral_id", None)
    return f"{kind} {where}" + (f" {who.int}" if who else "")


async def story(store: Store) -> list[str]:
    return [brief(step) for step in await steps(store)]
