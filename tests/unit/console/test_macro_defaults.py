"""GOV.UK's macros have texts of their own in English: each that is used gets one from the catalogs."""

import re
from collections.abc import Iterator
from pathlib import Path

import govuk_frontend_jinja
import pytest

from services.console.rendering import TEMPLATES

DEFAULTS = {
    "govukServiceNavigation": ("menuButtonText", "ariaLabel"),
    "govukErrorSummary": ("titleText",),
    "govukBackLink": ("text",),
    "govukPagination": ("landmarkLabel",),
    "govukBreadcrumbs": ("labelText",),
    "govukWarningText": ("iconFallbackText",),
    "govukSkipLink": ("text",),
    "govukNotificationBanner": ("titleText",),
    "govukErrorMessage": ("visuallyHiddenText",),
}
"""What a call must give, by macro; without it the reader sees English."""
CALL = re.compile(r"\b(govuk\w+)\(")


def calls() -> Iterator[tuple[str, str, str]]:
    """Template, macro and arguments of every call."""
    for file in sorted(TEMPLATES.rglob("*.html")):
        text = file.read_text()
        for found in CALL.finditer(text):
            yield str(file.relative_to(TEMPLATES)), found[1], _arguments(text, found.end())


def _arguments(text: str, start: int) -> str:
    depth = 1
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if not depth:
            return text[start:end]
    return text[start:]


def test_a_call_gives_each_text_that_a_macro_has_in_english() -> None:
    wrong = [
        f"{template}: {macro} without {name}"
        for template, macro, arguments in calls()
        for name in DEFAULTS.get(macro, ())
        if f'"{name}"' not in arguments
    ]
    assert wrong == [], "English that no catalog changes"


def test_an_error_beside_its_field_says_so_in_the_readers_language() -> None:
    wrong = [
        f"{template}: {macro}"
        for template, macro, arguments in calls()
        if "errorMessage" in arguments and "visuallyHiddenText" not in arguments and "error_of" not in arguments
    ]
    assert wrong == [], "the hidden word Error in English"


@pytest.mark.parametrize("macro", DEFAULTS)
def test_the_table_is_of_macros_that_there_are(macro: str) -> None:
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", macro.removeprefix("govuk")).lower()
    file = Path(govuk_frontend_jinja.__file__).parent / "templates" / "components" / name / "macro.html"
    assert f"{macro}(params)" in file.read_text(), "the macro of that name"
