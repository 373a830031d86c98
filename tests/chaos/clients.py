"""Patient clients: what is broken off or answered 503 is asked again; whatever else was not expected is a finding."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.network import RunningNetwork

PATIENCE = 150.0
"""Seconds until a service that does not answer is a finding."""
PAUSE = 0.15


@dataclass(frozen=True, slots=True)
class Trouble:
    """A client saw that `part` was not there: at that moment (of `time.monotonic`), and how."""

    at: float
    part: str
    kind: str


@dataclass
class Notes:
    """What all clients of one run have seen. `steps` counts what was done by kind, `findings` what must not be."""

    steps: Counter[str] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    longest: float = 0.0
    """Seconds that somebody had to be patient for one answer."""


class Client:
    """One person at one service. A context."""

    def __init__(self, network: RunningNetwork, notes: Notes, part: str, role: str, org: str = "") -> None:
        self.part, self.notes = part, notes
        self._http = httpx2.AsyncClient(
            base_url=network.url(part), headers=network.headers(role, org), timeout=httpx2.Timeout(40, connect=10)
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        *expected: int,
        json: Any = None,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> httpx2.Response | None:
        """The answer, as soon as there is one of `expected` (or any success); None after what is a finding."""
        began = time.monotonic()
        while time.monotonic() < began + PATIENCE:
            try:
                answer = await self._http.request(method, path, json=json, headers=headers, params=params)
            except httpx2.TransportError as error:
                self.notes.troubles.append(Trouble(time.monotonic(), self.part, type(error).__name__))
                await asyncio.sleep(PAUSE)
                continue
            if answer.is_success or answer.status_code in expected:
                self.notes.longest = max(self.notes.longest, time.monotonic() - began)
                return answer
            if answer.status_code != 503:
                self.notes.findings.append(
                    f"{self.part} answered {method} {path}: {answer.status_code} {answer.text[:300]}"
                )
                return None
            self.notes.troubles.append(Trouble(time.monotonic(), self.part, "503"))
            await asyncio.sleep(PAUSE)
        self.notes.findings.append(f"{self.part} did not answer {method} {path} within {PATIENCE:.0f} s")
        return None

    async def items(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """The first page of a list."""
        answer = await self.ask("GET", path, **params)
        found: list[dict[str, Any]] = answer.json()["items"] if answer else []
        return found

    async def act(self, referral_id: str, command: str, body: dict[str, Any] | None = None) -> bool:
        """Whether the command was taken. That the referral has moved on meanwhile is no finding."""
        answer = await self.ask("POST", f"/v1/referrals/{referral_id}/{command}", 409, json=body or {})
        if answer is None:
            return False
        if answer.status_code == 409 and answer.json().get("code") != "illegal_transition":
            self.notes.findings.append(f"{command} of {referral_id}: {answer.text[:300]}")
        if answer.is_success:
            self.notes.steps[command] += 1
        return answer.is_success
