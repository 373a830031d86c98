"""Who may go where: one table of reasons, the first that applies."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.contracts.vocabulary import Catchment, Modality, OfferState
from services.referral.domain.eligibility import Exclusion, exclusion
from services.referral.domain.referral import Offer, excluded_ids, review_at
from tests.unit.referral.samples import NOW, needs, programme

ADMITS: dict[str, Any] = {"age_months": 60, "kilometers": 100.0, "excluded_ids": frozenset[str]()}


def reason(child: dict[str, Any], offer: dict[str, Any], **more: Any) -> Exclusion | None:
    given = ADMITS | more
    return exclusion(
        needs(**child), given["age_months"], programme(**offer), given["kilometers"], given["excluded_ids"]
    )


def test_a_fitting_programme_accepts_the_child() -> None:
    assert reason({}, {}) is None


ONE_REASON: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], Exclusion]] = [
    ({}, {"modality": Modality.INPATIENT}, {}, Exclusion.MODALITY),
    ({"icd10": "F84.0"}, {}, {}, Exclusion.DIAGNOSIS),
    ({}, {"age_from_months": 61}, {}, Exclusion.AGE),
    ({}, {"age_under_months": 60}, {}, Exclusion.AGE),
    ({"region_id": "KZ-71"}, {"catchment": Catchment.REGION}, {}, Exclusion.CATCHMENT),
    ({}, {"catchment": Catchment.SETTLEMENT}, {}, Exclusion.CATCHMENT),
    ({"max_distance_km": 99.999}, {}, {}, Exclusion.DISTANCE),
    ({}, {}, {"excluded_ids": {"p"}}, Exclusion.DECLINED),
]


@pytest.mark.parametrize(("child", "offer", "more", "expected"), ONE_REASON)
def test_each_reason_excludes_alone(child: Any, offer: Any, more: Any, expected: Exclusion) -> None:
    assert reason(child, offer, **more) is expected


@pytest.mark.parametrize("first", range(len(ONE_REASON) - 1))
def test_of_several_reasons_the_first_in_order_is_told(first: int) -> None:
    """From `first` on all reasons apply at once."""
    child: dict[str, Any] = {}
    offer: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for one_child, one_offer, one_more, _ in ONE_REASON[first:]:
        child, offer, more = child | one_child, offer | one_offer, more | one_more
    assert reason(child, offer, **more) is ONE_REASON[first][3]


@pytest.mark.parametrize(
    ("child", "offer", "more"),
    [
        ({"icd10": "G80"}, {"icd10_prefixes": ("F84", "G80")}, {}),
        ({"icd10": "Q90.9"}, {"icd10_prefixes": ("Q",)}, {}),
        ({}, {"age_from_months": 60, "age_under_months": 61}, {}),
        ({}, {"catchment": Catchment.REGION}, {}),
        ({"settlement_id": "near"}, {"catchment": Catchment.SETTLEMENT}, {}),
        ({"max_distance_km": 100.0}, {}, {}),
        ({"modalities": frozenset(Modality)}, {}, {}),
        ({}, {}, {"excluded_ids": {"another"}}),
    ],
)
def test_a_value_on_the_edge_is_inside(child: Any, offer: Any, more: Any) -> None:
    assert reason(child, offer, **more) is None


@pytest.mark.parametrize("code", ["F84", "G8", "G81.0", "Q"])
def test_a_code_that_only_looks_alike_is_another_diagnosis(code: str) -> None:
    assert reason({"icd10": code}, {"icd10_prefixes": ("G80", "F84.0")}) is Exclusion.DIAGNOSIS


LATER = NOW + timedelta(days=14)


@pytest.mark.parametrize(
    ("state", "reason", "until", "same", "other"),
    [
        (OfferState.DECLINED, "no_capacity", None, True, False),
        (OfferState.DECLINED, "family_refused", None, True, True),
        (OfferState.EXPIRED, None, LATER, True, True),
        (OfferState.EXPIRED, None, NOW, False, False),
        (OfferState.EXPIRED, None, None, False, False),
        (OfferState.MISSED, "other", None, False, False),
    ],
)
def test_who_declined_is_not_asked_again_and_a_center_that_did_not_answer_not_for_a_time(
    state: OfferState, reason: str | None, until: datetime | None, same: bool, other: bool
) -> None:
    offer = Offer(UUID(int=1), 1, "c", "p", 1.0, state, NOW, NOW, reason, passed_over_until=until)
    excluded = excluded_ids([offer], NOW)
    for id, expected in (("p", same), ("another", other)):
        found = exclusion(needs(), 60, programme(id=id, center_id="c"), 100.0, excluded)
        assert found is (Exclusion.DECLINED if expected else None), id


def test_the_next_review_is_when_the_child_is_older_or_a_center_is_passed_over_no_longer() -> None:
    def expired(until: datetime | None) -> Offer:
        return Offer(UUID(int=1), 1, "c", "p", 1.0, OfferState.EXPIRED, NOW, NOW, passed_over_until=until)

    older = needs().older_at(NOW)
    assert review_at(needs(), [], NOW) == review_at(needs(), [expired(None), expired(NOW)], NOW) == older
    assert review_at(needs(), [expired(LATER), expired(NOW)], NOW) == LATER < older
