"""Collects the texts of templates and code into the three catalogs: `python -m services.console.words.update`.

Texts that are gone are dropped, new ones stand empty, doubles of a merge are one again; sorted, so that two people's
texts meet seldom. `--check` changes nothing and fails when a catalog is behind.
"""

import re
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.console.words.i18n import catalog_file
from services.contracts.vocabulary import Language

CONSOLE = Path(__file__).parents[1]
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_OPTIONS = {"**/templates/**.html": {"silent": "false", "trimmed": "true", "newstyle_gettext": "true"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
_CONFLICT = re.compile(rb"^(<<<<<<<|=======|>>>>>>>).*\n", re.MULTILINE)


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
    text = _CONFLICT.sub(b"", file.read_bytes()) if file.exists() else b""
    old = read_po(BytesIO(text), locale=str(language))
    catalog = Catalog(locale=str(language), header_comment="", fuzzy=False)
    for message in template:
        if message.id:
            known = old.get(message.id)
            catalog.add(
                message.id, known.string if known else None, flags=known.flags if known else (),
                auto_comments=message.auto_comments,
            )  # fmt: skip
    written = BytesIO()
    write_po(written, catalog, width=120, no_location=True, omit_header=True, sort_output=True)
    return _HEADER.format(language=language, plural=catalog.plural_forms).encode() + written.getvalue()


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
