"""What the tests of keys ask of a process: is it ready for its keys, and does everything work with them?"""

import base64
import os
from collections.abc import Callable
from typing import Any

import httpx2

from tests.unit.intake.samples import child_body, newborn

Api = Callable[..., Any]


def new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


async def reason(client: httpx2.AsyncClient) -> str:
    """Why the process is not ready for its keys; "ok" when it is."""
    found: str = (await client.get("/readyz")).json()["checks"]["keys"]
    return found


async def everything(client: httpx2.AsyncClient, receipt: dict[str, Any]) -> list[int]:
    """The statuses of all that needs keys: submitting the child again, another one, a file, reads and corrections."""
    iin, other = child_body()["child"]["iin"], newborn(guardian__phone="+77017777777")
    return [
        (await client.post("/v1/diagnoses", json=child_body())).status_code,
        (await client.post("/v1/diagnoses", json=other)).status_code,
        (await client.get(f"/v1/diagnoses/{receipt['referral_id']}")).status_code,
        (await client.get(f"/v1/children/{receipt['child_id']}")).status_code,
        (await client.post("/v1/children/lookup", json={"iin": iin})).status_code,
        (await client.patch(f"/v1/diagnoses/{receipt['referral_id']}", json={"max_distance_km": 9})).status_code,
    ]
