"""`If-Match` and `If-None-Match` as what the caller expects of a resource's version."""

import re
from collections.abc import Collection
from typing import Annotated, Any

from fastapi import Depends, Header, Response

from services.kit.http.etags import read_etags
from services.kit.http.problems import Problem
from services.kit.versions import Expected

_VERSION = re.compile(r"0|[1-9][0-9]{0,8}")


def etag(version: int) -> str:
    return f'"{version}"'


async def _expected(
    if_match: Annotated[
        list[str] | None, Header(description="ETags, one of which the resource must have, or *")
    ] = None,
    if_none_match: Annotated[
        list[str] | None, Header(description="ETags that the resource must not have, or *: there must be none yet")
    ] = None,
) -> Expected:
    match, none_match = _tags("If-Match", if_match), _tags("If-None-Match", if_none_match)
    return Expected(
        versions=None if match is None else _versions(match),
        present=if_match is not None,
        absent=if_none_match is not None and none_match is None,
        others=_versions(none_match or ()),
    )


def _tags(header: str, lines: list[str] | None) -> frozenset[str] | None:
    try:
        return None if lines is None else read_etags(lines)
    except ValueError:
        right = 'must be * or ETags as they were read, such as "3", "4"'
        raise Problem.of_field(header, "invalid_etag", right) from None


def _versions(tags: Collection[str]) -> frozenset[int]:
    """Those of `tags` that are ours; any other is of nothing here, and never matches."""
    return frozenset(int(one) for one in tags if _VERSION.fullmatch(one))


Precondition = Annotated[Expected, Depends(_expected)]


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "It is of a version in If-None-Match"}}


def not_modified(expected: Expected, version: int) -> Response | None:
    """304 for a reader that has this version of an existing resource; None for any other."""
    known = expected.absent or version in expected.others
    return Response(status_code=304, headers={"ETag": etag(version)}) if known else None


def version_moved() -> Problem:
    return Problem(
        412, "version_moved", "It has changed since you read it, or is not there as expected; read it again."
    )
