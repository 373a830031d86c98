"""The catalog of refusals."""

import string

import pytest

from services.kit.messages import ENGLISH, field_path, message


@pytest.mark.parametrize("code", ENGLISH)
def test_every_sentence_is_written_with_its_parameters(code: str) -> None:
    names = [name for _, name, _, _ in string.Formatter().parse(ENGLISH[code]) if name is not None]
    assert message(code, **dict.fromkeys(names, 7)).count("7") >= len(names)
    assert all(name.isidentifier() for name in names)
    assert not ENGLISH[code].endswith(".")


def test_an_unknown_code_and_a_missing_parameter_have_a_general_sentence() -> None:
    assert message("nowhere") == message("too_short") == "is not what must stand here"


def test_a_field_that_a_caller_made_up_is_cut_and_can_be_written() -> None:
    assert field_path(["a", 0, "x" * 99, "\ud800"]) == f"a.0.{'x' * 60}.?"
