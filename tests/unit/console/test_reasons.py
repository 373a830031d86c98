"""Every code that the services themselves write has its words in the console."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from services.console.rendering import make_environment
from services.console.words.i18n import read_words
from services.console.words.labels import TEXTS, read_labels
from services.contracts.vocabulary import Language, Modality, OfferState, Priority, ReferralState, Role
from services.referral.adapters.reasons import read_reasons
from services.referral.domain.acts import FAMILY_WITHDREW
from services.referral.domain.corrections import CONSENT_WITHDRAWN, JOINED, NO_LONGER_ELIGIBLE
from services.referral.domain.life import TRANSITIONS, Command
from services.referral.domain.referral import Escalation

DATA = Path(__file__).parents[3] / "data"
LABELS, WORDS, CHOSEN = read_labels(DATA), read_words(), read_reasons(DATA)
WRITTEN: Mapping[Command, Iterable[str]] = {
    Command.DECLINE: CHOSEN["decline"],
    Command.NO_SHOW: CHOSEN["no_show"],
    Command.CANCEL: CHOSEN["cancel"],
    Command.DISCHARGE: CHOSEN["outcome"],
    Command.SET_ASIDE: CHOSEN["unplaceable"],
    Command.WITHDRAW: [FAMILY_WITHDREW],
    Command.JOIN: [JOINED],
    Command.WITHDRAW_CONSENT: [CONSENT_WITHDRAWN],
    Command.REVIEW: [NO_LONGER_ELIGIBLE],
    Command.ESCALATE: Escalation,
}
"""The reasons that a step may have."""
OFFERS = {row.command: row.offer for row in TRANSITIONS if row.offer in set(OfferState) - {OfferState.MADE}}


@pytest.mark.parametrize("language", Language)
def test_the_reason_of_every_step_and_of_the_offer_that_it_ends_has_words(language: Language) -> None:
    show = make_environment(WORDS[language], LABELS).from_string("{{ told | reason }}").render
    for command, codes in WRITTEN.items():
        for code in codes:
            assert show(told={"command": command, "reason": code}) != code, f"{command}: {code} is told in words"
            ended = {"state": OFFERS.get(command, OfferState.WITHDRAWN), "reason": code}
            assert show(told=ended) != code, f"an offer that ended by {command}: {code} is told in words"


@pytest.mark.parametrize(
    ("state", "command", "reason"),
    [("cancelled", Command.WITHDRAW, FAMILY_WITHDREW), ("unplaceable", Command.ESCALATE, Escalation.UNPLACEABLE)],
)
@pytest.mark.parametrize("language", Language)
def test_a_referral_s_page_shows_no_raw_code(language: Language, state: str, command: str, reason: str) -> None:
    steps = [{"command": "set_aside", "reason": "too_far"}, {"command": command, "reason": reason}]
    page = make_environment(WORDS[language], LABELS).get_template("polyclinic/state.html")
    shown = page.module.now({"state": state, "history": steps, "offers": [], "center_id": None})  # type: ignore[attr-defined]
    left = [code for code in (reason, "too_far") if re.search(rf"\b{code}\b", shown)]
    assert left == [], shown


@pytest.mark.parametrize("code", sorted({one for codes in CHOSEN.values() for one in codes}))
def test_a_reason_of_an_unknown_step_is_told_in_words_too(code: str) -> None:
    found = LABELS.reason(WORDS[Language.RUSSIAN], {"command": "a new one", "reason": code})
    assert found != code, f"{code} is told in words"


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("step", Command), ("state", ReferralState), ("offer", OfferState), ("priority", Priority),
        ("modality", Modality), ("language", Language),
        ("role", (Role.POLYCLINIC, Role.CENTER, Role.OPERATOR, Role.ADMIN)),
    ],
)  # fmt: skip
def test_every_code_of_an_enumeration_has_a_text(kind: str, codes: Iterable[str]) -> None:
    assert [one for one in codes if one not in TEXTS[kind]] == [], f"codes of {kind} that readers would see raw"
