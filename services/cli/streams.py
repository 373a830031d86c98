"""Standard output and error of any encoding: a character that a console does not have is shown as `?`."""

import json
import re
import sys
from codecs import lookup
from contextlib import suppress
from typing import Any, TextIO

import orjson


def replace_unknown_characters() -> None:
    """From now on no output raises UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # closed, or replaced by a stream without an encoding
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def json_line(value: Any, out: TextIO) -> str:
    """One JSON document as a line for `out`; where that is not UTF-8, in ASCII, because JSON has no other encoding.

    What a terminal obeys and JSON leaves as it is (DEL, eight bits, direction) is escaped too.
    """
    text = orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE).decode()
    if lookup(getattr(out, "encoding", None) or "utf-8").name == "utf-8":
        return re.sub("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]", lambda found: f"\\u{ord(found[0]):04x}", text)
    return json.dumps(json.loads(text), separators=(",", ":")) + "\n"
