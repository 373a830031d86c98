"""What a person means by a typed settlement or diagnosis: a code, or a name in any of the three languages."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from services.console.words.labels import Names, read_labels
from services.contracts.near_matches import Named, nearest
from services.contracts.reference import read_icd10_codes, read_settlements
from services.contracts.vocabulary import Language

_CODE = re.compile(r"[A-Z]\d\d(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Choice:
    """One that may be meant; `text` is what a form's field holds."""

    code: str
    text: str


class Search:
    """Over `titles`, unique in each language, and the `names` in them; `codes` are more codes without a title."""

    def __init__(
        self, titles: Mapping[str, Names], names: Mapping[str, Names], codes: frozenset[str] = frozenset()
    ) -> None:
        self._titles, self._codes = titles, sorted(codes - titles.keys())
        self._named = [Named(code, tuple(one.values())) for code, one in names.items()]
        forms = {code: (code, *one.values(), *names[code].values()) for code, one in titles.items()}
        self._folded = [(code, [fold(one) for one in texts]) for code, texts in forms.items()]

    def codes(self) -> Iterable[str]:
        """Those that have a title."""
        return self._titles

    def text(self, language: Language, code: str) -> str:
        """What a form's field holds for this code; the code itself when it has no title."""
        return self._titles[code][language] if code in self._titles else code

    def code(self, typed: str) -> str | None:
        """The code of the only one whose code, title or name in some language was typed."""
        wanted = fold(typed)
        found = {code for code, forms in self._folded if wanted in forms}
        return found.pop() if len(found) == 1 else None

    def suggest(self, language: Language, typed: str, most: int = 8) -> list[Choice]:
        """Those that begin with what was typed, then those that have a word of it, then those that resemble it."""
        wanted = fold(typed[:100])
        if not wanted:
            return []
        begin = [code for code, forms in self._folded if any(one.startswith(wanted) for one in forms)]
        inside = [code for code, forms in self._folded if any(f" {wanted}" in one for one in forms)]
        found = list(dict.fromkeys(begin + inside))
        found += [code for code in self._codes if fold(code).startswith(wanted)][:most]
        if not found:
            found = [one.id for one in nearest(typed, self._named, most)]
        return [Choice(code, self.text(language, code)) for code in found[:most]]


@lru_cache(2)
def read_settlement_search(data: Path) -> Search:
    """Settlements with their regions; those of one name in one region with their ids."""
    names, settlements = read_labels(data).names, read_settlements(data)
    regions = names["region"]
    titles: dict[str, dict[str, str]] = {one: {} for one in settlements}
    for language in Language:
        plain = {id: f"{getattr(one, f'name_{language}')}, {regions[one.region_id][language]}"
                 for id, one in settlements.items()}  # fmt: skip
        times = Counter(plain.values())
        for id, text in plain.items():
            titles[id][language] = f"{text} ({id})" if times[text] > 1 else text
    return Search(titles, names["settlement"])


@lru_cache(2)
def read_diagnosis_search(data: Path) -> Search:
    """Codes of ICD-10 with their names, where they have any."""
    names = read_labels(data).names["diagnosis"]
    titles = {code: {language: f"{code} {name}" for language, name in one.items()} for code, one in names.items()}
    return Search(titles, names, read_icd10_codes(data))


def code_in(typed: str) -> str | None:
    """The code of ICD-10 with which a text begins."""
    found = _CODE.match(typed.strip())
    return found[0] if found else None


def fold(text: str) -> str:
    """For comparison: small letters, no signs but a point within a code."""
    small = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return " ".join(re.sub(r"[^\w.]+", " ", small).split())
