"""What a person means by a typed settlement or diagnosis: a code, or a name in any of the three languages."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from services.console.words.labels import Names, read_labels
from services.contracts.near_matches import Named, nearest
from services.contracts.reference import read_icd10_codes, read_settlements
from services.contracts.vocabulary import Language

_CODE = re.compile(r"[A-Z]\d\d(?:\.\d+)?(?=\s+[^\W\d]|$)")
_SPELLED = str.maketrans("ё", "е", "ьъ")
_SURE = 3
"""Letters at the beginning of a word that has a slip: another prefix is another disease."""
_DIGITS = re.compile(r"\d[\d.]*")
_KEYS = str.maketrans("гпфайзр", "ggffqpp")
"""The letter of a code, typed in Cyrillic by its sound, its look or its key."""
_ALSO: Mapping[str, tuple[str, ...]] = {
    "G80": ("ДЦП", "БЦП", "БЦС", "БСА", "CP", "детский церебральный паралич", "балалардың церебральды сал ауруы"),
    "F84": (
        "РАС",
        "АСБ",
        "ASD",
        "расстройство аутистического спектра",
        "аутизм спектрінің бұзылысы",
        "autism spectrum",
    ),
    "F83": ("ЗПР", "ЗПРР", "ПДТ", "задержка психического развития", "психикалық дамудың тежелуі"),
    "F80": ("ЗРР", "СДТ", "задержка речевого развития", "сөйлеу дамуының тежелуі", "speech delay"),
}
"""What people also call the diagnoses whose codes begin so; an abbreviation finds them, and stands for none of them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One that may be meant; `text` is what a form's field holds."""

    code: str
    text: str


class Search:
    """Over `titles`, unique in each language, and the `names` in them.

    `codes` are more codes without a title, `also` are other names of those that begin so. What resembles nothing else
    is compared with whole names, or word by word (`by_word`), which never finds what has only one word of several.
    """

    def __init__(
        self,
        titles: Mapping[str, Names],
        names: Mapping[str, Names],
        codes: frozenset[str] = frozenset(),
        also: Mapping[str, tuple[str, ...]] | None = None,
        *,
        by_word: bool = False,
    ) -> None:
        self._titles, self._codes = titles, sorted(codes - titles.keys())
        self._named = [Named(code, tuple(one.values())) for code, one in names.items()]
        forms = {code: (code, *one.values(), *names[code].values()) for code, one in titles.items()}
        self._folded = [(code, [fold(one) for one in texts]) for code, texts in forms.items()]
        more = {code: [fold(one) for key, texts in (also or {}).items() if code.startswith(key) for one in texts]
                for code in titles}  # fmt: skip
        self._sought = [(code, [f" {one}" for one in texts + more[code]]) for code, texts in self._folded]
        self._short = [(code, texts) for code, texts in more.items() if texts]
        self._words = {word for _, texts in self._sought for one in texts for word in one.split()} if by_word else None

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
        """Those that are also called so or begin so, then those of whose words each typed one begins one, then those
        that resemble it. Of a code without its letter, nervous diseases come first.
        """
        wanted = fold(typed[:100])
        if not wanted:
            return []
        found = [code for code, forms in self._short if wanted in forms]
        found += [code for code, forms in self._sought if any(one.startswith(f" {wanted}") for one in forms)]
        found += self._with_words([[one] for one in wanted.split()])
        found += [code for code in self._codes if fold(code).startswith(wanted)][:most]
        if not found:
            found = self._near(typed, wanted, most)
        return [Choice(code, self.text(language, code)) for code in list(dict.fromkeys(found))[:most]]

    def _with_words(self, words: list[list[str]]) -> list[str]:
        """The codes of names in which, for each word, one of its spellings begins a word; by word, of all names of a
        code together.
        """
        return [code for code, forms in self._sought
                if any(all(any(f" {one}" in form for one in word) for word in words)
                       for form in (forms if self._words is None else ["".join(forms)]))]  # fmt: skip

    def _numbered(self, digits: str) -> list[str]:
        found = [code for code in self._titles if code[1:].startswith(digits)]
        found = found or [code for code in self._codes if code[1:].startswith(digits)]
        return sorted(found, key=lambda code: (not code.startswith("G"), code))

    def _near(self, typed: str, wanted: str, most: int) -> list[str]:
        if self._words is None:
            return [one.id for one in nearest(typed, self._named, most)]
        if _DIGITS.fullmatch(wanted):
            return self._numbered(wanted)
        if any(map(str.isdecimal, wanted)):  # a code, of which a slip makes another one
            code = (wanted[0].translate(_KEYS) + wanted[1:]).upper()
            return [one for one in (*self._titles, *self._codes) if one.startswith(code)]
        return self._with_words([[one, *self._with_a_slip(one)] for one in wanted.split()])

    def _with_a_slip(self, typed: str) -> list[str]:
        return [one for one in self._words or () if one[:_SURE] == typed[:_SURE] and _is_one_slip(one, typed)]


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
    return Search(titles, names, read_icd10_codes(data), _ALSO, by_word=True)


def _is_one_slip(one: str, other: str) -> bool:
    """Whether a letter too many, too few or a wrong one is all that differs."""
    same = _alike(one, other)
    return max(len(one), len(other)) - same - _alike(one[same:][::-1], other[same:][::-1]) <= 1


def _alike(one: str, other: str) -> int:
    """How many letters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def code_in(typed: str) -> str | None:
    """The code of ICD-10 with which a text begins."""
    found = _CODE.match(typed.strip())
    return found[0] if found else None


def fold(text: str) -> str:
    """For comparison: small letters, none of the signs ь and ъ, no other signs but a point within a code."""
    small = unicodedata.normalize("NFKC", text).casefold().translate(_SPELLED)
    return " ".join(re.sub(r"[^\w.]+", " ", small).split())
