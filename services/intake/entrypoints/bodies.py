"""Reading request bodies: bounded, of the expected type, every error of a submission at once."""

from collections.abc import Sequence

from fastapi import Request

from services.intake.domain.validation import FieldError
from services.kit.http.problems import FieldError as ProblemField
from services.kit.http.problems import Problem

LARGEST = 64 * 1024
"""Bytes of one submission."""


def expect_type(request: Request, *accepted: str) -> str:
    """The media type of the body; raises Problem 415."""
    media_type = request.headers.get("content-type", accepted[0]).partition(";")[0].strip().lower()
    if media_type not in accepted:
        raise Problem(415, "unsupported_media_type", f"Content-Type: must be {' or '.join(accepted)}")
    return media_type


async def read_body(request: Request) -> bytes:
    """The whole body; raises Problem 413 when it is larger than a submission can be."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise Problem(413, "too_large", f"body: a submission has at most {LARGEST} bytes")
    return bytes(body)


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header; raises Problem 422."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 200 and key.isascii() and key.isprintable()):
        raise Problem.of_field("Idempotency-Key", "invalid_idempotency_key", "must be 1 to 200 printable characters")
    return key


def refuse(errors: Sequence[FieldError]) -> Problem:
    """The 422 that names each field."""
    fields = [ProblemField(field=e.field, code=e.code, message=e.message) for e in errors]
    detail = "; ".join(f"{e.field}: {e.message}" for e in errors[:3])
    return Problem(422, "validation_failed", detail, errors=fields)
