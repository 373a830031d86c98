"""A network whose processes and people have their tokens of an OIDC issuer, and a center in it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2

from services.local import parts
from services.local.parts import Blueprint, Part
from services.local.plan import Plan
from tests.support.children import POLYCLINIC
from tests.support.network import RunningNetwork
from tests.support.one_center import CENTER, child_for_it
from tests.support.servers import wait_until

MAX_AGE = 4
"""Seconds for which a withdrawn key is believed."""
CLIENTS = {
    "intake": "intake-api",
    "referral": "referral-api",
    "referral-worker": "referral-worker",
    "capacity": "capacity-api",
    "console": "console",
}
"""By part, the client that it is at the issuer."""


def blueprint(issuer: str, jwks: str, token_url: str, secrets: Path, **more: str) -> Blueprint:
    """The network's parts, which know this issuer instead of the local one, and no token file.

    `secrets` has a file for each client, by its name; `more` is environment besides.
    """
    shared = {
        "JOLDAMA_JWKS": jwks, "JOLDAMA_ISSUER": issuer, "JOLDAMA_SERVICE_TOKEN_FILE": "",
        "JOLDAMA_JWKS_MAX_AGE": str(MAX_AGE), **more,
    }  # fmt: skip

    def of(part: Part) -> Part:
        client = CLIENTS.get(part.name)
        own = {
            "JOLDAMA_TOKEN_URL": token_url, "JOLDAMA_CLIENT_ID": client,
            "JOLDAMA_CLIENT_SECRET_FILE": str(secrets / client),
        } if client else {}  # fmt: skip
        return replace(part, environment={**part.environment, **shared, **own})

    def services(plan: Plan) -> list[Part]:
        return [of(part) for part in parts.services(plan)]

    return Blueprint(services=services)


@dataclass(frozen=True)
class Country:
    """A network with one center. `sign_in` gives a person's tokens by role and organization."""

    network: RunningNetwork
    sign_in: Callable[..., dict[str, Any]]

    def ask(self, service: str, method: str, path: str, token: str, **more: Any) -> httpx2.Response:
        url, headers = self.network.url(service) + path, {"Authorization": f"Bearer {token}"}
        return httpx2.request(method, url, headers=headers, timeout=20, **more)

    def person(self, role: str, org: str = "") -> str:
        return str(self.sign_in(role, org)["access_token"])

    def submit(self, seed: int) -> str:
        """A child's referral, once it is offered to the center: the worker has claimed a place with its own token."""
        polyclinic, center = self.person("polyclinic", POLYCLINIC), self.person("center", CENTER)
        submitted = self.ask("intake", "POST", "/v1/diagnoses", polyclinic, json=child_for_it(seed))
        assert submitted.status_code == 201, submitted.text
        referral = str(submitted.json()["referral_id"])

        def offered() -> bool:
            return self.ask("referral", "GET", f"/v1/referrals/{referral}", center).is_success

        wait_until(offered, "the child is offered to the center")
        return referral

    def wait_until_refused(self, token: str) -> None:
        """Until the key that signed an operator's token is believed no more."""

        def refused() -> bool:
            return self.ask("referral", "GET", "/v1/referrals", token).status_code == 401

        wait_until(refused, "the withdrawn key is believed no more", seconds=60)  # without the setting it takes 600
