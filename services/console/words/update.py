"""Collects the texts of templates and code into the three catalogs: `python -m services.console.words.update`.

Texts that are gone are dropped, new ones stand empty, doubles of a merge are one again; sorted, so that two people's
texts meet seldom. `--check` changes nothing and fails when a catalog is behind.
"""

import re
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.console.words.i18n import catalog_file
from services.contracts.vocabulary import Language

CONSOLE = Path(__file__).parents[1]
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_OPTIONS = {"**/templates/**.html": {"silent": "false", "trimmed": "true", "newstyle_gettext": "true"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
_CONFLICT = re.compile(rb"^<{7}[^\n]*\n(.*?)^(?:\|{7}[^\n]*\n.*?^)?={7}\n(.*?)^>{7}[^\n]*\n", re.MULTILINE | re.DOTALL)
"""Of a merge: our side, and theirs."""


def extract() -> Catalog:
    """Every text that is marked, in English."""
    found = Catalog()
    for _, _, text, comments, _ in extract_from_dir(
        CONSOLE, _METHODS, _OPTIONS, _KEYWORDS, comment_tags=("Note:",), strip_comment_tags=True
    ):
        found.add(text, auto_comments=comments)
    return found


def updated(language: Language, template: Catalog) -> bytes:
    """The language's catalog file with the texts of `template`, and what is translated already."""
    file = catalog_file(language)
    known = known_texts(file.read_bytes() if file.exists() else b"", language)
    catalog = Catalog(locale=str(language), header_comment="", fuzzy=False)
    for message in template:
        if message.id:
            catalog.add(message.id, known.get(_key(message)), auto_comments=message.auto_comments)
    written = BytesIO()
    write_po(written, catalog, width=120, no_location=True, omit_header=True, sort_output=True)
    return _HEADER.format(language=language, plural=catalog.plural_forms).encode() + written.getvalue()


def known_texts(text: bytes, language: Language) -> dict[str, Any]:
    """The translations in a catalog file; of both sides of a merge's conflicts, ours where the two differ."""
    found: dict[str, Any] = {}
    for side in (rb"\1", rb"\2"):
        for message in read_po(BytesIO(_CONFLICT.sub(side, text)), locale=str(language)):
            said = message.string if isinstance(message.string, str) else all(message.string or ())
            if said and not message.fuzzy:
                found.setdefault(_key(message), message.string)
    return found


def _key(message: Message) -> str:
    return str(message.id[0] if isinstance(message.id, list | tuple) else message.id)


_HEADER = r"""msgid ""
msgstr ""
"Language: {language}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: {plural}\n"

"""


def main(check: bool) -> int:
    template, behind = extract(), 0
    for language in Language:
        file, new = catalog_file(language), updated(language, template)
        if not file.exists() or file.read_bytes() != new:
            behind += 1
            if not check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(new)
    return behind if check else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
