"""Finding what a person meant: an id, or a name in any of the three languages."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

_LONGEST = 100
"""Letters that are compared."""
_NEAR = 0.6
_MOST = 3
_CITY, _REGION = (re.compile(rf"\b(?:{words})\b") for words in ("қаласы|қ|город|г|city", "облысы|область|обл|region"))


@dataclass(frozen=True, slots=True)
class Named:
    """Something with an id and names; the last name is the one that is shown."""

    id: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.id}, {self.names[-1]}" if self.names else self.id


def resolve(text: str, every: Collection[Named]) -> str | None:
    """The id of the only one with this id or name; None when there is none, or several.

    Spaces, capitals and punctuation do not matter. A city goes without its word ("Almaty"), and where no city has the
    name a region does ("Karaganda").
    """
    plain = _plain(text[:_LONGEST])
    forms = [(one.id, _forms(one)) for one in every]
    for level, wanted in enumerate((plain, _without(_CITY, plain), _without(_REGION, plain))):
        found = {id for id, levels in forms if wanted and wanted in levels[level]}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def did_you_mean(text: str, every: Collection[Named]) -> str:
    """The nearest by id or name, as the end of a sentence ("; did you mean KZ-75, Almaty?"); empty without any."""
    near = [str(one) for one in nearest(text, every)]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def nearest(text: str, every: Collection[Named], most: int = _MOST) -> list[Named]:
    """Those that resemble `text` by id or name, the nearest first."""
    wanted, id = _plain(text[:_LONGEST]), resolve(text, every)
    matcher = SequenceMatcher(None, b=wanted, autojunk=False)  # compares the second with many firsts
    candidates = [one for one in every if wanted and id in (None, one.id)]
    scored = sorted(
        ((_likeness(matcher, wanted, one), one.id, one) for one in candidates), key=lambda each: (-each[0], each[1])
    )
    return [one for score, _, one in scored[:most] if score >= _NEAR]


def _likeness(matcher: SequenceMatcher[str], wanted: str, one: Named) -> float:
    """From 0 to 1; a name that has all of the text in it is nearer than one that only resembles it."""
    return max(_ratio(matcher, wanted, form) - level / 100 for level, forms in enumerate(_forms(one)) for form in forms)


def _ratio(matcher: SequenceMatcher[str], wanted: str, form: str) -> float:
    if len(wanted) >= 3 and wanted != form and wanted in form:
        return 0.9
    matcher.set_seq1(form[:_LONGEST])
    hopeful = matcher.real_quick_ratio() >= _NEAR and matcher.quick_ratio() >= _NEAR
    return matcher.ratio() if hopeful else 0


@lru_cache(20_000)
def _forms(one: Named) -> tuple[set[str], set[str], set[str]]:
    """Id and names as they are; names without a city's word; without a region's."""
    names = {_plain(name) for name in one.names}
    cities, regions = ({_without(words, name) for name in names} - names for words in (_CITY, _REGION))
    return {_plain(one.id), *names}, cities, regions


def _without(words: re.Pattern[str], name: str) -> str:
    return " ".join(words.sub(" ", name).split())


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    return " ".join(re.sub(r"[^\w]+", " ", folded).split())
