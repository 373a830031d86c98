"""Comparing capacity with the record: pure, and naming each difference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.contracts.claims import ProgrammeCapacity, ProgrammeFigures, UnreadableClaim
from services.contracts.rebuild import KeptClaim, RestoredClaim
from services.contracts.vocabulary import ClaimState, ReferralState


class Kind(StrEnum):
    """What differs. The first five are of a claim, the others of a programme."""

    CLAIM_MISSING = "claim_missing"
    """The referral has a claim in the record and none in capacity."""
    CLAIM_UNKNOWN = "claim_unknown"
    """The referral has a claim in capacity and none in the record."""
    CLAIM_DIFFERS = "claim_differs"
    """Another attempt, state or programme."""
    CLAIM_UNREADABLE = "claim_unreadable"
    """Capacity's store holds something in the claim's place that is none."""
    QUEUES_DIFFER = "queues_differ"
    """The child waits, but in other queues than by the record, or at another rank."""
    PROGRAMME_MISSING = "programme_missing"
    PROGRAMME_UNKNOWN = "programme_unknown"
    FIGURE_DIFFERS = "figure_differs"
    """Places, suspension, center, region or modality."""
    COUNT_DIFFERS = "count_differs"
    """Capacity's counts of held, occupied and waiting differ from its claims."""
    IDLE_PLACE = "idle_place"
    """A place is free while a child waits for it."""


OpenPosition = tuple[ReferralState, UUID]
"""A position in the list of open referrals, which goes by state and id."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A referral's claim by the record, at its version."""

    claim: RestoredClaim
    version: int
    state: ReferralState

    @property
    def position(self) -> OpenPosition:
        return self.state, self.claim.referral_id


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of the claims of some open referrals, each by its id as a number (0: it has no claim); the last one's position.

    `last` is None behind the last of all.
    """

    claims: Sequence[tuple[int, int]]
    last: OpenPosition | None


def fingerprint_of(state: ClaimState, attempt: int, rank: int, programme_ids: Iterable[str]) -> int:
    """A number that equal claims have in common, in this process; of two that differ it is the same once in 2^60."""
    return 0 if state is ClaimState.NONE else hash((state.value, attempt, rank, *sorted(programme_ids)))


def fingerprint(one: RestoredClaim | KeptClaim) -> int:
    """Of a claim on either side; the rank counts while it waits."""
    return fingerprint_of(one.state, one.attempt, one.rank if one.state is ClaimState.WAITING else 0, one.programme_ids)


@dataclass(frozen=True, slots=True)
class Difference:
    """One referral or programme, as it is in the record and in capacity (None: not at all)."""

    kind: Kind
    programme_id: str | None
    referral_id: UUID | None
    record: Mapping[str, Any] | None
    capacity: Mapping[str, Any] | None

    @property
    def about(self) -> tuple[str, str]:
        """The programme or referral that differs."""
        return ("referral", str(self.referral_id)) if self.referral_id else ("programme", str(self.programme_id))


def compare_claims(recorded: Mapping[UUID, Recorded], kept: Mapping[UUID, KeptClaim]) -> list[Difference]:
    """The differing claims of all referrals on either side. A referral that a side does not have has no claim there."""
    found = []
    for referral_id in sorted({*recorded, *kept}):
        kind = _kind(recorded.get(referral_id), kept.get(referral_id))
        if kind:
            found.append(_of_claim(kind, referral_id, recorded.get(referral_id), kept.get(referral_id)))
    return found


def unreadable_claim(one: UnreadableClaim, recorded: Recorded | None) -> Difference:
    """A claim that capacity has set aside, whether or not the record has one."""
    difference = _of_claim(Kind.CLAIM_UNREADABLE, one.referral_id, recorded, None)
    return replace(difference, capacity={"reason": one.reason})


def _kind(recorded: Recorded | None, kept: KeptClaim | None) -> Kind | None:
    ours = recorded.claim if recorded and recorded.claim.state is not ClaimState.NONE else None
    theirs = kept if kept and kept.state is not ClaimState.NONE else None
    if ours is None or theirs is None:
        return Kind.CLAIM_MISSING if ours else Kind.CLAIM_UNKNOWN if theirs else None
    if (ours.attempt, ours.state) != (theirs.attempt, theirs.state):
        return Kind.CLAIM_DIFFERS
    if ours.state is not ClaimState.WAITING:
        return None if ours.programme_ids == theirs.programme_ids else Kind.CLAIM_DIFFERS
    same = set(ours.programme_ids) == set(theirs.programme_ids) == set(theirs.queued)
    return None if same and ours.rank == theirs.rank else Kind.QUEUES_DIFFER


def _of_claim(kind: Kind, referral_id: UUID, recorded: Recorded | None, kept: KeptClaim | None) -> Difference:
    record = capacity = None
    if recorded:
        record = _words(recorded.claim) | {"referral": recorded.state.value, "version": recorded.version}
    if kept:
        capacity = _words(kept) | ({"queued": sorted(kept.queued)} if kept.state is ClaimState.WAITING else {})
    named = [one.programme_ids for one in (recorded.claim if recorded else None, kept) if one and one.programme_ids]
    programme_id = named[0][0] if named and len(named[0]) == 1 else None
    return Difference(kind, programme_id, referral_id, record, capacity)


def _words(claim: RestoredClaim | KeptClaim) -> dict[str, Any]:
    words: dict[str, Any] = {"claim": claim.state.value, "attempt": claim.attempt}
    if claim.programme_ids:
        words["programmes"] = sorted(claim.programme_ids)
    return words | ({"rank": claim.rank} if claim.state is ClaimState.WAITING else {})


_FIGURE = ("places", "suspended", "center_id", "region_id", "modality")


def compare_figures(registered: Iterable[ProgrammeCapacity], figures: Iterable[ProgrammeFigures]) -> list[Difference]:
    """The programmes that differ between the registry and capacity."""
    ours = {one.programme_id: one for one in registered}
    theirs = {one.programme_id: one for one in figures}
    found = []
    for name in sorted({*ours, *theirs}):
        record, capacity = (_figure(side.get(name)) for side in (ours, theirs))
        if record == capacity:
            continue
        kind = Kind.FIGURE_DIFFERS
        if record is None or capacity is None:
            kind = Kind.PROGRAMME_UNKNOWN if record is None else Kind.PROGRAMME_MISSING
        found.append(Difference(kind, name, None, record, capacity))
    return found


def _figure(one: ProgrammeCapacity | None) -> dict[str, Any] | None:
    return one.model_dump(mode="json", include=set(_FIGURE)) if one else None


_COUNTED = (ClaimState.HELD, ClaimState.OCCUPIED, ClaimState.WAITING)
Counts = Mapping[tuple[str, ClaimState], int]
"""Claims by programme and state."""


def compare_counts(figures: Iterable[ProgrammeFigures], claims: Counts) -> list[Difference]:
    """The programmes whose counts are not those of capacity's own claims. Both must be of one data version."""
    found = []
    for one in figures:
        counted = {state.value: claims.get((one.programme_id, state), 0) for state in _COUNTED}
        counts = one.model_dump(include=set(counted))
        if counted != counts:
            found.append(Difference(Kind.COUNT_DIFFERS, one.programme_id, None, {"claims": counted}, counts))
        elif one.free and one.waiting:
            idle = {"free": one.free, "waiting": one.waiting}
            found.append(Difference(Kind.IDLE_PLACE, one.programme_id, None, None, idle))
    return found
