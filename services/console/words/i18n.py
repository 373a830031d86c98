"""The language of a page: texts from the catalogs, plural forms, dates and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import Translations

from services.contracts.days import ALMATY, day_of, last_day
from services.contracts.vocabulary import Language

CATALOGS = Path(__file__).parent / "locale"
DEFAULT = Language.RUSSIAN
NAMES = {Language.KAZAKH: "Қазақша", Language.RUSSIAN: "Русский", Language.ENGLISH: "English"}
"""Each language's name in itself."""
COOKIE = "language"
MINUTE, HOUR = 60, 3600
Day = date | datetime | str | None
"""A day or a moment; texts are ISO 8601, as the APIs give them."""


def N_(text: str) -> str:
    """Mark a text for the catalogs; it is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its texts and its ways of writing dates and numbers. Times are Kazakhstan's."""

    language: Language
    translations: Translations

    @property
    def locale(self) -> Locale:
        return _locale(self.language)

    def gettext(self, text: str) -> str:
        """The text in this language; itself when the catalog has none. An empty one stays empty."""
        return self.translations.ugettext(text) if text else text

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.translations.ungettext(one, many, number)

    def day(self, value: Day, style: str = "long") -> str:
        """28 November 2026; `style` is one of Babel's or a pattern. Nothing for nothing."""
        if style == "long" and self.language is Language.RUSSIAN:
            style = "d MMMM y"  # Babel's ends with "г.", which at a sentence's end has two full stops
        return _written_day(self.language, found, style) if (found := _day(value)) else ""

    def moment(self, value: Day) -> str:
        """November 28, 2026, 14:05."""
        return f"{self.day(value)}, {self.clock(value)}" if value else ""

    def clock(self, value: Day) -> str:
        """14:05."""
        return format_time(found, "HH:mm", ALMATY, self.locale) if (found := _moment(value)) else ""

    def deadline(self, value: Day, *, clock: bool = True) -> str:
        """By when: a moment, or its day; midnight is the end of the day before, which nobody reads a day late."""
        at = _moment(value)
        if at and (last := last_day(at)) < day_of(at):
            return self.gettext("the end of %(day)s") % {"day": self.day(last, "d MMMM")}
        return self.moment(value) if clock else self.day(value)

    def ago(self, value: Day, now: datetime) -> str:
        """3 days ago; just now within the last minute, and where another machine's clock is ahead."""
        if (found := _moment(value)) is None:
            return ""
        return self.gettext("just now") if (now - found).total_seconds() < MINUTE else self.due(value, now)

    def due(self, value: Day, now: datetime) -> str:
        """Of a deadline: in 2 hours, 3 days ago, or within a minute now."""
        if (found := _moment(value)) is None:
            return ""
        seconds = round((found - now).total_seconds())
        if abs(seconds) < MINUTE:
            return self.gettext("now")
        return _written_distance(self.language, MINUTE * round(seconds / MINUTE) if abs(seconds) > HOUR else seconds)

    def number(self, value: float | None, digits: int = 0) -> str:
        """A number with the language's separators, and so many digits after the point at most."""
        pattern = "#,##0" + ("." + "#" * digits if digits else "")
        return "" if value is None else format_decimal(value, pattern, self.locale)

    def percent(self, value: float | None) -> str:
        """A share of 1 in whole percents."""
        return "" if value is None else format_percent(value, locale=self.locale)


@lru_cache
def _locale(language: Language) -> Locale:
    return Locale.parse(str(language))


@lru_cache(maxsize=5_000)
def _written_day(language: Language, day: date, style: str) -> str:
    return format_date(day, style, _locale(language))


@lru_cache(maxsize=5_000)
def _written_distance(language: Language, seconds: int) -> str:
    return format_timedelta(timedelta(seconds=seconds), add_direction=True, locale=_locale(language), threshold=1.2)


def read_words(folder: Path = CATALOGS) -> Mapping[Language, Words]:
    """Every language with its catalog."""
    return {one: Words(one, translations(read_catalog(one, folder))) for one in Language}


def catalog_file(language: str, folder: Path = CATALOGS) -> Path:
    return folder / language / "LC_MESSAGES" / "console.po"


def read_catalog(language: str, folder: Path = CATALOGS) -> Catalog:
    with catalog_file(language, folder).open("rb") as file:
        return read_po(file, locale=language)


def translations(catalog: Catalog) -> Translations:
    """The catalog's texts, but not the fuzzy ones."""
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


def choose(cookie: str | None, accepted: str) -> Language:
    """The language of the cookie, else the first known one of `Accept-Language`, else Russian."""
    if cookie in set(Language):
        return Language(cookie)
    wishes = (_wish(part) for part in accepted.split(",")[:20])
    known = [(quality, name) for quality, name in wishes if name in set(Language) and quality > 0]
    return Language(max(known, key=lambda one: one[0])[1]) if known else DEFAULT


def _wish(part: str) -> tuple[float, str]:
    """A quality and a two-letter language from a part such as `kk-KZ;q=0.8`."""
    name, _, quality = part.strip().partition(";q=")
    try:
        return float(quality or 1), name.partition("-")[0].lower()
    except ValueError:
        return 0.0, ""


def _moment(value: Day) -> datetime | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if value else None
    return value if isinstance(value, datetime) else None


def _day(value: Day) -> date | None:
    """The day in Kazakhstan of a moment, or the day itself."""
    if isinstance(value, str):
        value = (datetime if "T" in value else date).fromisoformat(value) if value else None
    return value.astimezone(ALMATY).date() if isinstance(value, datetime) else value
