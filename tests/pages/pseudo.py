"""A language that does not exist: what went through the catalogs stands in brackets, and what did not is seen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any

from babel.messages.catalog import Catalog

from services.console.rendering import Renderer, make_environment
from services.console.words.i18n import Day, Words, read_catalog, translations
from services.console.words.labels import Labels
from services.contracts.vocabulary import Language

_BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
_SHOWN = ("aria-label", "title", "alt", "placeholder", "content")
_NOT_WORDS = re.compile(
    r"([0-9A-Z]{5}-){3}[0-9A-Z]{5}|https?://\S+|"
    r"Joldama|Қазақша|Русский|English|[A-Z]\d\d(\.\d+)?|№ [0-9A-F]{6}|GMFCS|\bI{1,3}\b|IV|V\b|CSV|NDJSON"
)
"""Names and codes, the same in every language."""


@dataclass(frozen=True, slots=True)
class Pseudo(Words):
    """English in brackets, with its dates and numbers."""

    def day(self, value: Day, style: str = "long") -> str:
        return _bracket(Words.day(self, value, style))

    def clock(self, value: Day) -> str:
        return _bracket(Words.clock(self, value))

    def ago(self, value: Day, now: Any) -> str:
        return _bracket(Words.ago(self, value, now))

    def due(self, value: Day, now: Any) -> str:
        return _bracket(Words.due(self, value, now))


def _bracket(text: str) -> str:
    return f"⟦{text}⟧" if text else ""


def pseudo_renderer(renderer: Renderer) -> Renderer:
    """The same pages in that language, whatever the browser asks for; names of codes stand in brackets too."""
    words = Pseudo(Language.ENGLISH, translations(_catalog()))
    names = {
        kind: {code: {one: _bracket(name) for one, name in by.items()} for code, by in codes.items()}
        for kind, codes in renderer.labels.names.items()
    }
    environment = make_environment(words, Labels(names))
    environment.filters["named"] = lambda thing: _bracket(str(thing["name_en"]))
    every: Mapping[Language, Any] = dict.fromkeys(Language, environment)
    return replace(renderer, words=dict.fromkeys(Language, words), environments=every, labels=Labels(names))


def _catalog() -> Catalog:
    catalog = read_catalog(Language.ENGLISH)
    for one in catalog:
        if one.id:
            one.string = tuple(map(_bracket, one.id)) if isinstance(one.id, tuple) else _bracket(str(one.id))
    return catalog


class _Texts(HTMLParser):
    """Of an element `code` or `pre` nothing: it has ids and the like."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag != "meta":
            self.found += [str(given[name]) for name in _SHOWN if given.get(name)]
        if tag in ("style", "script", "code", "pre"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.found.append(data)


def unwrapped(page: str, names: list[str]) -> list[str]:
    """What people would read on the page and no catalog has; `names` are persons' and the like."""
    texts = _Texts()
    texts.feed(page)
    found = []
    for text in texts.found:
        rest = text
        for name in names:
            rest = rest.replace(name, "")
        while _BRACKETED.search(rest):
            rest = _BRACKETED.sub("", rest)
        if any(letter.isalpha() for letter in _NOT_WORDS.sub("", rest)):
            found.append(" ".join(text.split()))
    return found
