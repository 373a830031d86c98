"""A form that is sent twice is known by what it did."""

from typing import Any

import pytest

from services.console.pages.acting import is_own_repeat
from services.console.sign_in.user import User
from services.contracts.vocabulary import Language, Role

NURSE: Any = User("nurse-1", Role.POLYCLINIC, "p1", {}, Language.RUSSIAN, None)  # type: ignore[arg-type]


def story(command: str, reason: str | None, note_id: str | None = None, person: str = "nurse-1") -> dict[str, Any]:
    step = {"version": 4, "command": command, "reason": reason, "actor": f"polyclinic:p1/{person}", "note_id": note_id}
    return {"admit_on": "2026-12-07", "history": [{"version": 3, "command": "offer"}, step]}


@pytest.mark.parametrize(
    ("act", "given", "done"),
    [
        ("cancel", "moved_away", "moved_away"), ("withdraw", "", "family_withdrew"), ("offer-again", "", None),
        ("accept", "", None), ("accept", "2026-12-07", None), ("no-show", "other", "other"),
    ],
)  # fmt: skip
def test_the_same_act_of_the_same_person_on_the_same_state_is_a_repeat(act: str, given: str, done: str | None) -> None:
    assert is_own_repeat(NURSE, story(act.replace("-", "_"), done), act, given, "", 3)


@pytest.mark.parametrize(
    ("found", "given", "comment", "version"),
    [
        (story("cancel", "other", person="nurse-2"), "other", "", 3),
        (story("cancel", "moved_away"), "other", "", 3),
        (story("withdraw", "other"), "other", "", 3),
        (story("cancel", "other"), "other", "A word that was not kept", 3),
        (story("cancel", "other", "a note"), "other", "", 3),
        (story("cancel", "other"), "other", "", 2),
        (story("cancel", "other"), "other", "", None),
    ],
)
def test_what_differs_from_what_was_done_is_none(
    found: dict[str, Any], given: str, comment: str, version: int | None
) -> None:
    assert not is_own_repeat(NURSE, found, "cancel", given, comment, version)
