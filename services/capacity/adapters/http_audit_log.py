"""The referral service's audit log over its HTTP API: entries of who read a queue or had a feed here."""

import asyncio
from collections import deque
from collections.abc import Sequence

import httpx2
import structlog

from services.contracts.audit_entries import MOST, CapacityEntries
from services.kit.audit import Entry
from services.kit.errors import TransientError
from services.kit.http.service_token import ServiceToken

log = structlog.get_logger()
SECONDS = 3.0
"""The longest wait until an entry is durable."""
WAITING = 10_000
"""Entries that wait in memory; the oldest make room, and each one lost is a line of the log."""
AGAIN = 1.0
"""Seconds between two tries to send them."""
_JSON = {"Content-Type": "application/json"}


class HttpAuditLog:
    """Takes entries with the plain subject as their person. `client` has the base URL; `run()` sends what waits."""

    def __init__(self, client: httpx2.AsyncClient, token: ServiceToken) -> None:
        self._client, self._token = client, token
        self._waiting: deque[Entry] = deque()

    async def record(self, entry: Entry) -> None:
        """Durable when it returns. Raises TransientError when it may not be."""
        await self._send([entry])

    def record_later(self, entry: Entry) -> None:
        """For what has happened already, and can be refused no more."""
        if len(self._waiting) >= WAITING:
            lost = self._waiting.popleft()
            log.error("audit.entry_lost", act=lost.act, org=lost.by.org)
        self._waiting.append(entry)

    async def run(self) -> None:
        """Send until cancelled. The referral service's absence is no fault of this process, which stays ready."""
        while True:
            await self.send_waiting()
            await asyncio.sleep(AGAIN)

    async def send_waiting(self) -> None:
        """Send what waits, as long as it is taken."""
        while self._waiting:
            part = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            try:
                await self._send(part)
            except BaseException as error:
                self._waiting.extendleft(reversed(part))
                if not isinstance(error, TransientError):
                    raise
                log.warning("audit.entries_wait", count=len(self._waiting), reason=str(error))
                return

    async def _send(self, entries: Sequence[Entry]) -> None:
        body = CapacityEntries.model_validate({"entries": [_written(one) for one in entries]}).model_dump_json()
        try:
            headers = _JSON | await self._token.header()
            async with asyncio.timeout(SECONDS):
                answer = await self._client.post("/v1/audit-log/entries", content=body, headers=headers)
            self._token.answered(answer.status_code)
            answer.raise_for_status()
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            raise TransientError(f"referral service: {error or type(error).__name__}") from error


def _written(one: Entry) -> dict[str, object]:
    return {
        "act": one.act, "subject": one.by.person, "role": one.by.role, "org": one.by.org, "purpose": one.by.purpose,
        "address": one.by.address, "refused": one.refused, "detail": one.detail,
    }  # fmt: skip
