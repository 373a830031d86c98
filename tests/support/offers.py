"""Referrals of made-up children, made and followed to their offer."""

from typing import Any

import httpx2

from tests.support.children import submissions
from tests.support.network import RunningNetwork
from tests.support.servers import wait_until


def make_offered(network: RunningNetwork, polyclinic: str, seed: int, **changes: Any) -> dict[str, Any]:
    """The story of a new referral of `polyclinic`, once a center has the offer; `changes` are of its submission."""
    headers, body = network.headers("polyclinic", polyclinic), submissions(1, seed)[0] | changes
    made = httpx2.post(f"{network.url('intake')}/v1/diagnoses", json=body, headers=headers).raise_for_status().json()
    url, story = f"{network.url('referral')}/v1/referrals/{made['referral_id']}", dict[str, Any]()

    def is_offered() -> bool:
        story.update(httpx2.get(url, headers=headers).json())
        return story.get("state") == "offered"

    wait_until(is_offered, "the child is offered to a center")
    return story
