"""The lines of an uploaded file: in parts for intake, and those that were refused as a file to mend."""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile

from services.console.upstream.client import Json
from services.console.words.i18n import N_, Words
from services.console.words.problems import sentence
from services.console.words.search import Search
from services.contracts.csv_rows import BYTE_ORDER_MARK, delimiter_of, is_blank

NDJSON, CSV = "application/x-ndjson", "text/csv"
PART = 500
"""Lines of one request."""
PROBLEM = "problem"
"""The last column of a file to mend, which says what is wrong; it is left out when the file is sent again."""
SHOWN = 100
"""Refused lines on the page; all are in the file."""
_SIGNS = re.compile(r'[,;\t"\r\n]')
_NUMBER = re.compile(r"\b\d{6,8}\b")
_PLACE = N_("Write the place's number from the list of places; if it is not there, that of the nearest one that is")
_REFUSALS = {
    "open_referral_exists": N_("The child has an open referral already"),
    "possible_duplicate": N_(
        "An open referral has the same birth date, sex and phone. If it is another child, refer it by the form"
    ),
    "too_many_requests": N_("Too many at once. Send this line again in a while"),
    "unavailable": N_("Not recorded. Send this line again"),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that was not recorded, by its number in the file, and why."""

    number: int
    raw: bytes
    why: str


@dataclass(slots=True)
class File:
    """An uploaded file: CSV with a header, or NDJSON."""

    lines: list[bytes]
    csv: bool
    key: str
    """Of its content: sent again, each line gets the answer that it had."""
    skipped: int = 0
    """Lines before the header that say nothing, as Excel's `sep=;`."""
    recorded: int = 0
    done: int = 0
    refused: list[Refused] = field(default_factory=list)

    @classmethod
    def read(cls, content: bytes) -> "File":
        csv = not content.removeprefix(BYTE_ORDER_MARK).lstrip().startswith((b"{", b"["))
        every = content.split(b"\n")
        lines = list(dropwhile(is_blank, every))
        if csv and lines and _problem_column(lines[0]):
            delimiter = delimiter_of(lines[0]).encode()
            lines = [line.rstrip(b"\r").rpartition(delimiter)[0] for line in lines]
        return cls(lines, csv, hashlib.sha256(content).hexdigest()[:32], len(every) - len(lines))

    @property
    def media_type(self) -> str:
        return CSV if self.csv else NDJSON

    @property
    def count(self) -> int:
        return sum(not is_blank(line) for line in self.lines[self.csv :])

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """The number of lines before each part, and the part with the header."""
        first = int(self.csv)
        for start in range(first, len(self.lines), PART):
            yield start - first, b"\n".join(self.lines[:first] + self.lines[start : start + PART])

    def take(self, before: int, result: Json, words: Words, places: Search) -> None:
        """Note intake's answer to one line of the part that has so many lines before it."""
        number = before + result["line"]
        self.done += 1
        if result["status"] == 201:
            self.recorded += 1
        else:
            self.refused.append(
                Refused(self.skipped + number, self.lines[number - 1].rstrip(b"\r"), why(result, words, places))
            )

    def to_mend(self) -> str:
        """The refused lines as a file in a data URL; a CSV says in its last column what is wrong."""
        lines = [one.raw for one in self.refused]
        if self.csv:
            delimiter = delimiter_of(self.lines[0]).encode()
            header = self.lines[0].rstrip(b"\r").removeprefix(BYTE_ORDER_MARK)
            lines = [header + delimiter + PROBLEM.encode()]
            lines += [one.raw + delimiter + self._told(one.why) for one in self.refused]
        mark = BYTE_ORDER_MARK if self.csv and self._is_utf8 else b""
        content = base64.b64encode(mark + b"\n".join(lines)).decode()
        return f"data:{self.media_type};base64,{content}"

    def _told(self, text: str) -> bytes:
        """A cell without what would end it."""
        plain = _SIGNS.sub(" ", text)
        return plain.encode() if self._is_utf8 else plain.encode("cp1251", "replace")

    @property
    def _is_utf8(self) -> bool:
        try:
            b"\n".join(one.raw for one in self.refused).decode()
        except UnicodeDecodeError:
            return False
        return True


def why(result: Json, words: Words, places: Search) -> str:
    """What is wrong with a line, in the reader's language, with the names of its columns."""
    errors: Sequence[Json] = result.get("errors", ())
    if not errors:
        return words.gettext(_REFUSALS[result["code"]]) if result["code"] in _REFUSALS else str(result["detail"])
    return ". ".join(f"{one['field']}: {_sentence(one, words, places)}" for one in errors)


def _sentence(error: Json, words: Words, places: Search) -> str:
    """Of a settlement with the numbers and names that intake finds near."""
    if error["code"] != "unknown_settlement":
        return sentence(words, error["code"])
    _, _, near = error["message"].partition("did you mean")
    found = (f"{one} {places.text(words.language, one)}" for one in _NUMBER.findall(near))
    return f"{words.gettext(_PLACE)} ({'; '.join(found)})".removesuffix(" ()")


def _problem_column(header: bytes) -> bool:
    return header.strip().rpartition(delimiter_of(header).encode())[2].strip(b'"') == PROBLEM.encode()
