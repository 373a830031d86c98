"""Styles that are left out are of no page's."""

import re
from collections.abc import Iterator
from pathlib import Path

import govuk_frontend_jinja
import pytest

from services.console.assets.build import HERE
from services.console.words.labels import TAG_COLORS

UNUSED = frozenset((HERE / "unused.txt").read_text().split())
MACROS = Path(govuk_frontend_jinja.__file__).parent / "templates" / "components"
_COMPONENT = re.compile(r"components/([a-z-]+)/")


def sources() -> Iterator[Path]:
    """Whatever writes a page: our code, templates and scripts, and the macros that these use, which use others."""
    todo = [one for one in HERE.parent.rglob("*") if one.suffix in {".html", ".py", ".js"}]
    done: set[Path] = set()
    while todo:
        if (one := todo.pop()) not in done:
            done.add(one)
            yield one
            todo += [file for name in _COMPONENT.findall(one.read_text()) for file in (MACROS / name).glob("*")]


@pytest.mark.parametrize(
    "composed",
    [
        "govuk-notification-banner--success",
        "govuk-input__suffix",
        *sorted({f"govuk-tag--{one}" for one in TAG_COLORS.values()}),
    ],
)
def test_a_class_that_a_template_composes_has_its_style(composed: str) -> None:
    assert composed not in UNUSED


def test_no_page_names_a_class_whose_style_is_left_out() -> None:
    named = {word: file.name for file in sources() for word in re.findall(r"[\w-]+", file.read_text())}
    assert {word: file for word, file in named.items() if word in UNUSED} == {}
