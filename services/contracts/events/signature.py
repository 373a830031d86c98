"""The signature at the end of an event: a login to Kafka is not enough to make one."""

import hmac


def sign(event: bytes, key: bytes) -> bytes:
    """`event`, a JSON object, with the CloudEvents attribute `signature`: HMAC-SHA-256 of all bytes before it."""
    return event[:-1] + _end(event[:-1], key)


def is_signed(event: bytes, key: bytes) -> bool:
    """Whether the holder of `key` has signed these very bytes; never by an empty key."""
    head = event[: -len(_end(b"", b""))]
    return bool(key) and hmac.compare_digest(event[len(head) :], _end(head, key))


def _end(head: bytes, key: bytes) -> bytes:
    return b',"signature":"%s"}' % hmac.digest(key, head, "sha256").hex().encode()
