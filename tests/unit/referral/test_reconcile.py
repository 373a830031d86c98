"""The audit of a whole country: page by page, and only what differs is kept."""

import tracemalloc
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from services.contracts.claims import DataVersion, ProgrammeCapacity, ProgrammeFigures
from services.contracts.rebuild import BATCH, ClaimsPage, KeptClaim, RestoredClaim
from services.contracts.vocabulary import ClaimState, Modality, ReferralState
from services.kit.errors import TransientError
from services.referral.domain.reconciliation import Fingerprints, Kind, OpenPosition, Recorded, fingerprint
from services.referral.handlers.reconcile import Reconciliation

WAITING = 8_000
QUEUES = ("a", "b", "c", "d")
VERSION = DataVersion(epoch="1", sequence=9)
MOST_BYTES = 6_000_000
"""Both sides at once are 18 million."""


def claim(number: int) -> RestoredClaim:
    return RestoredClaim.model_construct(
        referral_id=UUID(int=number), attempt=1, state=ClaimState.WAITING, rank=number, programme_ids=tuple(QUEUES)
    )


@dataclass
class Country:
    """Both sides. Referral 7 has no claim, 9 another rank in capacity."""

    asked: list[int] = field(default_factory=list)

    async def claims_page(self, cursor: str | None) -> ClaimsPage:
        first = int(cursor or 1)
        numbers = range(first, min(first + BATCH, WAITING + 1))
        self.asked.append(len(numbers))
        last = numbers.stop > WAITING
        return ClaimsPage.model_construct(
            data_version=VERSION,
            items=[self._kept(one) for one in numbers if one != 7],
            next=None if last else str(numbers.stop),
            figures=self._figures() if last else None,
            relayed=VERSION,
        )

    async def look_up_claims(self, referral_ids: Sequence[UUID]) -> ClaimsPage:
        items = [self._kept(one.int) for one in referral_ids]
        return ClaimsPage.model_construct(
            data_version=VERSION, items=items, next=None, figures=self._figures(), relayed=VERSION
        )

    def _kept(self, number: int) -> KeptClaim:
        if number == 7:
            return KeptClaim(referral_id=UUID(int=7), attempt=0, state=ClaimState.NONE)
        rank = 5 if number == 9 else number
        fields = dict(claim(number)) | {"rank": rank, "queued": tuple(QUEUES)}
        return KeptClaim.model_construct(**fields)

    def _figures(self) -> tuple[ProgrammeFigures, ...]:
        return tuple(
            ProgrammeFigures.model_construct(
                **dict(one), held=0, occupied=0, free=0, waiting=WAITING - 1, overcommitted=0, stale=False
            )
            for one in self._programmes()
        )

    def _programmes(self) -> list[ProgrammeCapacity]:
        return [
            ProgrammeCapacity(
                programme_id=name,
                center_id="x",
                region_id="KZ-10",
                modality=Modality.DAY_STAY,
                places=0,
                version=1,
                confirmed_at=None,
            )
            for name in QUEUES
        ]

    async def programmes(self) -> Sequence[ProgrammeCapacity]:
        return self._programmes()

    async def fingerprints(self, after: OpenPosition | None, limit: int) -> Fingerprints:
        first = after[1].int + 1 if after else 1
        numbers = range(first, min(first + limit, WAITING + 1))
        self.asked.append(len(numbers))
        last = (ReferralState.WAITING, UUID(int=numbers[-1])) if numbers else None
        return Fingerprints([(number, fingerprint(claim(number))) for number in numbers], last)

    async def lookup(self, referral_ids: Collection[UUID]) -> Sequence[Recorded]:
        self.asked.append(len(referral_ids))
        return [Recorded(claim(one.int), 1, ReferralState.WAITING) for one in referral_ids]

    async def unsent_for(self) -> float | None:
        return None


async def test_a_country_is_compared_page_by_page_and_only_differences_are_kept() -> None:
    country = Country()
    tracemalloc.start()
    report = await Reconciliation(country, country, patience=0.0)()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {(one.kind, one.referral_id) for one in report.differences} == {
        (Kind.CLAIM_MISSING, UUID(int=7)), (Kind.QUEUES_DIFFER, UUID(int=9)),
    }  # fmt: skip
    assert (report.referrals, report.claims) == (WAITING, WAITING - 1)
    assert max(country.asked) <= BATCH
    assert peak < MOST_BYTES, f"{peak:,} bytes"


@dataclass
class Changing(Country):
    """Claims that change while they are compared come twice, and are equal in the end; 11 stands in no queue."""

    async def claims_page(self, cursor: str | None) -> ClaimsPage:
        page = await super().claims_page(cursor)
        if page.next is None:
            page.items.extend([self._kept(12), claimed(13, ClaimState.NONE), claimed(14, ClaimState.HELD)])
        return page

    def _kept(self, number: int) -> KeptClaim:
        kept = super()._kept(number)
        return kept.model_copy(update={"queued": ()}) if number == 11 else kept


def claimed(number: int, state: ClaimState) -> KeptClaim:
    return KeptClaim(referral_id=UUID(int=number), attempt=1, state=state, programme_ids=("a",) if number == 14 else ())


async def test_a_claim_that_changes_meanwhile_is_looked_at_again() -> None:
    country = Changing()
    report = await Reconciliation(country, country, patience=0.0)()
    assert {(one.kind, one.referral_id) for one in report.differences if one.referral_id} == {
        (Kind.CLAIM_MISSING, UUID(int=7)), (Kind.QUEUES_DIFFER, UUID(int=9)), (Kind.QUEUES_DIFFER, UUID(int=11)),
    }  # fmt: skip
    assert country.asked[-1] == 6, "the six that were not plainly equal were looked up, and nobody else"


async def test_capacity_that_goes_away_ends_an_audit_as_a_passing_error() -> None:
    class Gone(Country):
        async def claims_page(self, cursor: str | None) -> ClaimsPage:
            if cursor:
                raise TransientError("gone")
            return await super().claims_page(cursor)

    country = Gone()
    with pytest.raises(TransientError):
        await Reconciliation(country, country, patience=0.0)()
