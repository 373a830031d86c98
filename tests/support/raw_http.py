"""A client that sends a request's body in chunks as it likes, and reads the answer at the same time, or not at all."""

import re
import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class Upload:
    """One chunked POST on a connection of its own. `reading` answers what has come so far."""

    def __init__(self, url: str, path: str, headers: Mapping[str, str], *, reads: bool = True) -> None:
        place = urlsplit(url)
        self.socket = socket.create_connection((place.hostname or "", place.port or 80), timeout=30)
        lines = [f"POST {path} HTTP/1.1", f"Host: {place.netloc}", "Transfer-Encoding: chunked", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        self._received = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        if reads:
            self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, parts: Iterable[bytes], seconds: float = 30) -> int:
        """Send all of `parts`, unless nothing is taken for so many seconds; how many bytes were."""
        self.socket.settimeout(seconds)
        sent = 0
        with suppress(TimeoutError, ConnectionError):
            for part in parts:
                self.socket.sendall(b"%x\r\n%b\r\n" % (len(part), part))
                sent += len(part)
        return sent

    def end(self, seconds: float = 60) -> tuple[int, bytes]:
        """End the body; status and body of the answer."""
        self.finish()
        return self.answer(seconds)

    def finish(self) -> None:
        """End the body, and do not wait for the answer."""
        with suppress(ConnectionError, TimeoutError):  # answered before the end, or not read to it
            self.socket.sendall(b"0\r\n\r\n")

    def answer(self, seconds: float = 60) -> tuple[int, bytes]:
        self._reader.join(seconds)
        assert not self._reader.is_alive(), "no answer"
        head, _, body = bytes(self._received).partition(b"\r\n\r\n")
        if b"chunked" in head.lower():
            body = b"".join(re.split(rb"(?:^|\r\n)[0-9a-f]+\r\n", body)).removesuffix(b"\r\n")
        return int(head.split(b" ", 2)[1]), body

    def _read(self) -> None:
        with suppress(OSError):
            while part := self.socket.recv(65_536):
                self._received += part
