"""Entity tags in `If-Match` and `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1)."""

import re
from collections.abc import Sequence

LONGEST = 4_000
"""Characters of a list."""
_TAG = r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"|([0-9]{1,9})'
_TAGS = re.compile(_TAG)
_LIST = re.compile(rf"[ \t,]*(?:(?:{_TAG})[ \t]*(?:,[ \t,]*|$))+")
_ENCODED = re.compile(r"--?(?:gzip|br|zstd|deflate)$")
"""What proxies add to a tag when they compress the answer."""


def read_etags(lines: Sequence[str]) -> frozenset[str] | None:
    """The tags of a header's lines, without quotes, `W/` and a proxy's suffix; None for `*`.

    A bare number is taken for a tag. `W/` may be dropped because our tags count a resource's changes, not its bytes: a
    proxy that compresses weakens a tag without making it mean less. Raises ValueError for anything else.
    """
    text = ",".join(lines).strip()
    if text == "*":
        return None
    if len(text) > LONGEST or not _LIST.fullmatch(text):
        raise ValueError("is no list of ETags")
    return frozenset(_ENCODED.sub("", quoted or bare) for quoted, bare in _TAGS.findall(text))
