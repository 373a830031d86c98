"""Events that nobody of this network published: they are refused with a reason, or the record decides."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.events import (
    ChildrenJoinedV1,
    ConsentWithdrawnV1,
    DiagnosisCorrectedV1,
    OfferDeclinedV1,
    Payload,
    ReferralAdmittedV1,
    ReferralCancelledV1,
    ReferralEvent,
    ReferralNoShowV1,
)
from services.contracts.vocabulary import ClaimState, ReferralState
from services.kit.errors import PermanentError, TransientError
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


@pytest.mark.parametrize("at", [NOW - timedelta(days=2000), NOW + timedelta(days=30)])
async def test_a_submission_of_another_time_gets_no_turn(country: Country, at: Any) -> None:
    with pytest.raises(PermanentError, match="submitted_at"):
        await country.take([event(diagnosis(submitted_at=at))])
    assert country.referrals.known == {}


def of_intake() -> list[Payload]:
    """What only intake may say of child 1: another polyclinic has it, it is another child, its consent is withdrawn."""
    data, by = diagnosis(), {"actor": "nobody"}
    known = {"referral_id": data.referral_id, "child_id": data.child_id}
    moved = data.model_dump() | {"polyclinic_id": "of a thief"}
    return [
        DiagnosisCorrectedV1(**moved, version=2, corrected=("polyclinic_id",), corrected_at=NOW, **by),
        ChildrenJoinedV1(
            **known, ended_referral_id=diagnosis(2).referral_id, joined_child_id=diagnosis(2).child_id, joined_at=NOW,
            **by,
        ),
        ConsentWithdrawnV1(**known, withdrawn_at=NOW, **by),
    ]  # fmt: skip


@pytest.mark.parametrize("data", of_intake(), ids=lambda one: type(one).__name__)
async def test_what_intake_has_not_published_changes_nothing_and_is_refused(offered: Country, data: Payload) -> None:
    await offered.take([event(diagnosis(2))])
    before = dict(offered.referrals.known)
    with pytest.raises(PermanentError, match="intake has published no such event"):
        await offered.take_forged([event(data, id="forged")])
    assert offered.referrals.known == before


async def test_a_true_event_s_id_lends_no_truth_to_another_content(offered: Country) -> None:
    moved, _, withdrawn = of_intake()
    offered.intake.publish([event(withdrawn, id="true")])
    with pytest.raises(PermanentError, match="intake has published no such event true"):
        await offered.take_forged([event(moved, id="true")])
    await offered.take_forged([event(withdrawn, id="true")])
    assert offered.state() is ReferralState.CANCELLED


async def test_while_intake_does_not_answer_a_correction_waits_and_new_children_are_routed(offered: Country) -> None:
    correction = event(of_intake()[0], id="true")
    offered.intake.publish([correction])
    offered.intake.down = True
    with pytest.raises(TransientError):
        await offered.take_forged([correction])
    await offered.take_forged([event(diagnosis(2))])
    offered.intake.down = False
    await offered.take_forged([correction])
    assert offered.referrals.known[diagnosis().referral_id].referral.polyclinic_id == "of a thief"


async def test_what_had_its_effect_is_not_asked_for_again(offered: Country) -> None:
    correction = event(of_intake()[0], id="true")
    await offered.take([correction])
    offered.intake.down = True
    await offered.take_forged([correction])
    assert offered.referrals.known[diagnosis().referral_id].referral.polyclinic_id == "of a thief"


async def test_in_one_batch_too_the_first_event_of_an_id_has_the_effect(country: Country) -> None:
    country.claims.places = {"near": 1}
    true, forged_one = diagnosis(), diagnosis(polyclinic_id="of a thief")
    await country.take([event(true, id="one"), event(forged_one, id="one")])
    assert country.referrals.known[true.referral_id].referral.polyclinic_id == "p1"
