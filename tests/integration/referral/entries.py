"""Entries of centers over HTTP."""

from typing import Any

import httpx2

from tests.integration.referral.country import center_body, programme_body

NEAR = center_body(
    programme_body("near-day"), programme_body("near-home", modality="home_care"),
    phone="+7 (7172) 12-34-56", address="Abay avenue 1",
)  # fmt: skip
PLACES = "/v1/centers/near/programmes/near-day/places"


async def put(client: httpx2.AsyncClient, id: str = "near", body: dict[str, Any] = NEAR) -> dict[str, Any]:
    answer = await client.put(f"/v1/centers/{id}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
