"""A post of somebody who is not signed in."""

from typing import Any

import pytest
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from services.console.sign_in.admission import _check_post
from services.console.sign_in.user import NotSignedIn

PART, PARTS = 64 * 1024, 256


async def test_a_stranger_s_file_is_not_received_whole() -> None:
    received = 0
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'

    async def receive() -> Message:
        nonlocal received
        received += 1
        return {"type": "http.request", "body": head if received == 1 else bytes(PART), "more_body": received < PARTS}

    async def send(_: Message) -> None: ...

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        console: Any = None
        await _check_post(Request(scope, receive), console, None)

    headers = [(b"content-type", b"multipart/form-data; boundary=b"), (b"sec-fetch-site", b"same-origin")]
    scope = {"type": "http", "method": "POST", "path": "/upload", "query_string": b"", "headers": headers, "app": None}
    with pytest.raises(NotSignedIn):
        await RequestBodyLimitMiddleware(page, PART * (PARTS + 1))(scope, receive, send)
    assert received <= 1024 * 1024 // PART + 2, "the rest is never asked for"
