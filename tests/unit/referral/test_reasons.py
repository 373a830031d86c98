"""Every code that the service writes by itself is a coded reason, so that it has its words in three languages."""

from services.kit.settings import CHECKOUT
from services.referral.adapters.reasons import read_reasons
from services.referral.domain.acts import FAMILY_WITHDREW
from services.referral.domain.corrections import CONSENT_WITHDRAWN, JOINED, NO_LONGER_ELIGIBLE
from services.referral.domain.eligibility import Exclusion
from services.referral.domain.referral import Escalation, set_aside
from services.referral.domain.routing import Decision
from tests.unit.referral.samples import NOW, referral

REASONS = read_reasons(CHECKOUT / "data")


def test_every_escalation_has_its_words() -> None:
    assert {one.value for one in Escalation} == REASONS["escalation"]


def test_a_familys_withdrawal_has_its_words() -> None:
    assert FAMILY_WITHDREW in REASONS["cancel"]


def test_an_offer_that_a_correction_ends_has_its_words() -> None:
    assert {NO_LONGER_ELIGIBLE} == REASONS["withdrawn_offer"]


def test_a_referral_that_a_join_ends_has_its_words() -> None:
    assert {JOINED} == REASONS["join"]


def test_a_referral_whose_consent_was_withdrawn_has_its_words() -> None:
    assert {CONSENT_WITHDRAWN} == REASONS["consent"]


def test_every_cause_of_unplaceable_has_its_words() -> None:
    decisions = [Decision((), {}), *(Decision((), {one: ("p",)}) for one in Exclusion)]
    assert {set_aside(referral(), NOW, one).entry.reason for one in decisions} == REASONS["unplaceable"]


def test_outcomes_are_the_four_of_the_registry() -> None:
    assert REASONS["outcome"] == {"improved", "stable", "socialized", "transferred"}
