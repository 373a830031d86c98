"""Submissions of made-up children, and a polyclinic that submits them."""

import asyncio
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from services.cli.demo_children import write_demo_children
from services.kit.settings import CHECKOUT
from tests.support.network import RunningNetwork

POLYCLINIC = "polyclinic-of-tests"


def submissions(count: int, seed: int) -> list[dict[str, Any]]:
    """Bodies of POST /v1/diagnoses; the same seed, the same children."""
    text = io.StringIO()
    today = (datetime.now(UTC) + timedelta(hours=5)).date()
    write_demo_children(text, count, seed, CHECKOUT / "data", today)
    return [json.loads(line) for line in text.getvalue().splitlines()]


async def submit_all(network: RunningNetwork, bodies: Sequence[dict[str, Any]], clients: int = 8) -> list[str]:
    """Submit each body until intake answers 201, under one idempotency key; the referral ids, in order."""
    todo, ids = iter(enumerate(bodies)), [""] * len(bodies)
    headers = network.headers("polyclinic", POLYCLINIC)
    async with httpx2.AsyncClient(base_url=network.url("intake"), headers=headers, timeout=20) as http:

        async def client() -> None:
            for index, body in todo:
                ids[index] = await _submit(http, body)

        await asyncio.gather(*(client() for _ in range(clients)))
    return ids


async def _submit(http: httpx2.AsyncClient, body: dict[str, Any]) -> str:
    key = str(uuid4())
    for _ in range(600):
        try:
            answer = await http.post("/v1/diagnoses", json=body, headers={"Idempotency-Key": key})
        except httpx2.TransportError:
            answer = None
        if answer is not None and answer.status_code == 201:
            return str(answer.json()["referral_id"])
        assert answer is None or answer.status_code >= 500, answer.text
        await asyncio.sleep(0.1)
    raise AssertionError("intake did not come back within a minute")
