"""`If-Match` and `If-None-Match` as what the caller expects of a resource's version."""

import re
from typing import Annotated

from fastapi import Depends, Header

from services.kit.http.problems import Problem
from services.kit.versions import Expected

_TAG = re.compile(r'(?:W/)?"?([0-9]{1,9})"?')


def etag(version: int) -> str:
    return f'"{version}"'


def _expected(
    if_match: Annotated[str | None, Header(description="ETags that the resource must have, or *")] = None,
    if_none_match: Annotated[str | None, Header(description="*: there must be none yet")] = None,
) -> Expected:
    if if_none_match is not None and if_none_match.strip() != "*":
        raise Problem.of_field("If-None-Match", "invalid_etag", "must be *")
    versions = frozenset[int]()
    if if_match is not None and if_match.strip() != "*":
        found = [_TAG.fullmatch(one.strip()) for one in if_match.split(",")]
        versions = frozenset(int(one[1]) for one in found if one)
        if len(versions) < len(found) or not versions:
            raise Problem.of_field("If-Match", "invalid_etag", "must be an ETag of this resource")
    return Expected(versions, present=if_match is not None, absent=if_none_match is not None)


Precondition = Annotated[Expected, Depends(_expected)]


def version_moved() -> Problem:
    return Problem(
        412, "version_moved", "It has changed since you read it, or is not there as expected; read it again."
    )
