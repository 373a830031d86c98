"""A lean HTTP/1.1 client, which costs far less than the server that is measured."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """Answers a second, the seconds of each, and how many were refusals."""

    rate: float
    seconds: list[float]
    refused: int


def request_bytes(path: str, body: bytes, token: str, content_type: str = "application/json") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status, length = int(head[9:12]), 0
    for line in head.split(b"\r\n")[1:]:
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    await reader.readexactly(length)
    return status


async def load(port: int, requests: Sequence[bytes], clients: int, every: float = 0.0) -> Outcome:
    """Send `requests` over `clients` kept connections, each waiting for its answer before the next.

    From the start of one to that of the next of its connection at least `every` seconds pass.
    """
    todo, seconds, refused = iter(requests), list[float](), 0

    async def client(number: int) -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(every * number / clients)
        for request in todo:
            began = time.perf_counter()
            writer.write(request)
            status = await _answer(reader)
            seconds.append(time.perf_counter() - began)
            refused += status >= 300
            if every:
                await asyncio.sleep(every - seconds[-1])
        writer.close()
        await writer.wait_closed()

    began = time.perf_counter()
    await asyncio.gather(*map(client, range(clients)))
    return Outcome(len(seconds) / (time.perf_counter() - began), seconds, refused)
