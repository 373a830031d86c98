"""Events that nobody of this network published: they are refused with a reason, or the record decides."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.events import (
    DiagnosisCorrectedV1,
    OfferDeclinedV1,
    ReferralAdmittedV1,
    ReferralCancelledV1,
    ReferralEvent,
    ReferralNoShowV1,
)
from services.contracts.vocabulary import ClaimState, ReferralState
from services.kit.errors import PermanentError
from tests.unit.referral.handlers import Country
from tests.unit.referral.samples import NOW, diagnosis, event


@pytest.fixture
async def offered(country: Country) -> Country:
    """One child, who has an offer and its place."""
    country.claims.places = {"near": 1}
    await country.take([event(diagnosis())])
    assert country.state() is ReferralState.OFFERED
    return country


def forged(kind: type[ReferralEvent], **changes: Any) -> ReferralEvent:
    data = diagnosis()
    known = {
        "referral_id": data.referral_id, "child_id": data.child_id, "polyclinic_id": "p", "version": 1, "attempt": 1,
        "state": ReferralState.CANCELLED, "actor": "nobody",
    }  # fmt: skip
    return kind(**known | changes)


@pytest.mark.parametrize("kind", [ReferralCancelledV1, ReferralNoShowV1])
async def test_an_end_that_the_record_does_not_know_takes_nobody_s_place(
    offered: Country, kind: type[ReferralEvent]
) -> None:
    await offered.take([event(forged(kind), id="forged")])
    assert offered.claim() == (ClaimState.HELD, "near")


async def test_an_admission_that_the_record_does_not_know_occupies_nothing(offered: Country) -> None:
    await offered.take([event(forged(ReferralAdmittedV1, state=ReferralState.ADMITTED), id="forged")])
    assert offered.claim() == (ClaimState.HELD, "near")


@pytest.mark.parametrize("leap", [{"version": 10**8}, {"attempt": 10**5}])
async def test_a_version_or_an_attempt_ahead_of_the_record_is_refused(offered: Country, leap: dict[str, int]) -> None:
    with pytest.raises(PermanentError, match="the record is at version"):
        await offered.take([event(forged(OfferDeclinedV1, **leap), id="forged")])
    assert offered.claim() == (ClaimState.HELD, "near")


async def test_a_correction_that_would_hold_off_all_true_ones_is_refused(offered: Country) -> None:
    data = DiagnosisCorrectedV1(
        **diagnosis().model_dump(), version=10**8, corrected=("icd10",), corrected_at=NOW, actor="nobody"
    )
    with pytest.raises(PermanentError, match="the record is at version 1"):
        await offered.take([event(data, id="forged")])


@pytest.mark.parametrize("at", [NOW - timedelta(days=2000), NOW + timedelta(days=30)])
async def test_a_submission_of_another_time_gets_no_turn(country: Country, at: Any) -> None:
    with pytest.raises(PermanentError, match="submitted_at"):
        await country.take([event(diagnosis(submitted_at=at))])
    assert country.referrals.known == {}
