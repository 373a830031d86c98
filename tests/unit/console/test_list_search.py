"""What a polyclinic's list says when nothing is found for what was typed."""

import pytest

from services.console.pages.polyclinic_list import NEITHER, UNKNOWN, _told
from services.console.upstream.client import FieldError, Refusal
from services.console.words.i18n import read_words
from services.console.words.problems import SENTENCES
from services.contracts.vocabulary import Language

ENGLISH = read_words()[Language.ENGLISH]
MISTYPED, OTHER = FieldError("iin", "invalid_iin", ""), FieldError("body", "json_invalid", "")


@pytest.mark.parametrize(
    ("typed", "refusal", "text"),
    [
        ("200615600015", Refusal(422, "invalid", (MISTYPED,)), SENTENCES["invalid_iin"]),
        ("Смагулова", Refusal(422, "invalid", (MISTYPED,)), NEITHER),
        ("200615600015", Refusal(422, "invalid", (OTHER,)), NEITHER),
        ("200615600014", Refusal(404, "not_found"), UNKNOWN),
    ],
)
def test_it_says_why_and_never_nothing(typed: str, refusal: Refusal, text: str) -> None:
    assert _told(ENGLISH, typed, refusal) == text
