"""The request of a submission: body limits, media type and idempotency key."""

from fastapi import Request

from services.kit.http.problems import Problem

LARGEST_SUBMISSION, LARGEST_FILE = 64 * 1024, 4 * 1024**3
"""Bytes."""


def expect_type(request: Request, *accepted: str) -> str:
    """The media type of the body, by default the first of `accepted`. Raises Problem 415."""
    media_type = request.headers.get("content-type", accepted[0]).partition(";")[0].strip().lower()
    if media_type not in accepted:
        raise Problem(415, "unsupported_media_type", f"Content-Type: must be {' or '.join(accepted)}")
    return media_type


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header. Raises Problem 422."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        raise Problem.of_field("Idempotency-Key", "invalid_idempotency_key", "must be 1 to 200 printable characters")
    return key
