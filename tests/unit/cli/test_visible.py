"""No text of a service or a file is a command to the terminal on which it is shown."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.failures import say, visible
from services.cli.render import listing, show
from services.cli.streams import json_line

NAME = "A\x1b]0;title\x07\x9b2J\u202eB\x00\r"


def harmless(text: str) -> bool:
    return not any((one < " " and one not in "\t\n") or "\x7f" <= one < "\xa0" or one == "\u202e" for one in text)


def test_a_table_a_sentence_and_json_show_signs_in_place_of_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([{"id": NAME}], lambda found: listing(NAME, found, "id"), json=False)
    show(NAME, str, json=False)
    show(NAME, str, json=True)
    say(NAME)
    shown = capsys.readouterr()
    assert harmless(shown.out)
    assert harmless(shown.err)
    assert shown.out.count("A␛]0;title") == 3
    assert shown.out.splitlines()[2].startswith("A␛]0;title␇\ufffd2J\ufffdB␀␍")
    assert shown.err == "A␛]0;title␇\ufffd2J\ufffdB␀␍\n"


@given(st.text(max_size=50))
def test_what_is_shown_has_the_same_width_and_json_the_same_value(text: str) -> None:
    assert harmless(visible(text))
    assert len(visible(text)) == len(text)
    assert json.loads(json_line(text, sys.stdout)) == text
