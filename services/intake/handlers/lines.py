"""Splitting a stream of bytes into numbered lines, in constant memory."""

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 64 * 1024
"""Bytes of a line; a longer one is refused, and the others are read."""


@dataclass(frozen=True, slots=True)
class Line:
    """`number` counts from 1, empty lines too; `raw` is None when the line was longer than LONGEST."""

    number: int
    raw: bytes | None


class Lines:
    """A splitter: `feed` each part of the stream, then call `end`. Both yield the lines that are complete by then."""

    def __init__(self) -> None:
        self._rest, self._number, self._too_long = b"", 0, False

    def feed(self, part: bytes) -> Iterator[Line]:
        *complete, self._rest = (self._rest + part).split(b"\n")
        for raw in complete:
            yield from self._line(raw)
        if len(self._rest) > LONGEST:  # its bytes are dropped up to its end
            self._rest, self._too_long = b"", True

    def end(self) -> Iterator[Line]:
        rest, self._rest = self._rest, b""
        if rest or self._too_long:
            yield from self._line(rest)

    def _line(self, raw: bytes) -> Iterator[Line]:
        self._number += 1
        too_long, self._too_long = self._too_long or len(raw) > LONGEST, False
        if too_long:
            yield Line(self._number, None)
        elif raw and not raw.isspace():
            yield Line(self._number, raw)
