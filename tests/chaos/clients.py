"""HTTP clients that repeat what was broken off or answered 503; any other unexpected answer is a finding."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.network import RunningNetwork

PATIENCE = 150.0
"""Seconds without an answer that are a finding."""
PAUSE = 0.15


@dataclass(frozen=True, slots=True)
class Interruption:
    """A request to `part` that failed, at a moment of `time.monotonic`; `kind` is 503 or a transport error."""

    at: float
    part: str
    kind: str


@dataclass
class ClientLog:
    """Shared by the clients of one run: steps by kind, interruptions, and findings (what must not happen)."""

    steps: Counter[str] = field(default_factory=Counter)
    interruptions: list[Interruption] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    figures: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """By programme id the last figure that was acknowledged: places, and whether suspended."""
    longest: float = 0.0
    """The longest time to an answer, in seconds."""


class Client:
    """One person at one service. A context."""

    def __init__(self, network: RunningNetwork, log: ClientLog, part: str, role: str, org: str = "") -> None:
        self.part, self.log = part, log
        self._http = httpx2.AsyncClient(
            base_url=network.url(part), headers=network.headers(role, org), timeout=httpx2.Timeout(40, connect=10)
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *expected: int,
        json: Any = None,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> httpx2.Response | None:
        """The first answer that is a success or one of `expected`; None after a finding."""
        began = time.monotonic()
        while time.monotonic() < began + PATIENCE:
            try:
                answer = await self._http.request(method, path, json=json, headers=headers, params=params)
            except httpx2.TransportError as error:
                self.log.interruptions.append(Interruption(time.monotonic(), self.part, type(error).__name__))
                await asyncio.sleep(PAUSE)
                continue
            if answer.is_success or answer.status_code in expected:
                self.log.longest = max(self.log.longest, time.monotonic() - began)
                return answer
            if answer.status_code != 503:
                self.log.findings.append(
                    f"{self.part} answered {method} {path}: {answer.status_code} {answer.text[:300]}"
                )
                return None
            self.log.interruptions.append(Interruption(time.monotonic(), self.part, "503"))
            await asyncio.sleep(PAUSE)
        self.log.findings.append(f"{self.part} did not answer {method} {path} within {PATIENCE:.0f} s")
        return None

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """The first page of a list."""
        answer = await self.request("GET", path, **params)
        found: list[dict[str, Any]] = answer.json()["items"] if answer else []
        return found

    async def act(self, referral_id: str, command: str, body: dict[str, Any] | None = None) -> bool:
        """Whether the command was accepted; a referral that has moved on meanwhile is no finding."""
        answer = await self.request("POST", f"/v1/referrals/{referral_id}/{command}", 409, json=body or {})
        if answer is None:
            return False
        if answer.status_code == 409 and answer.json().get("code") != "illegal_transition":
            self.log.findings.append(f"{command} of {referral_id}: {answer.text[:300]}")
        if answer.is_success:
            self.log.steps[command] += 1
        return answer.is_success
